"""Operators decide about payouts: yes, no, not now, once more.

Above a limit two different people say yes, and nobody does to a payout of their own. What a list of
payouts is decided to be, all of them become or none.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg

from billing import accounts, ledger
from billing.payouts import rows
from billing.payouts.changing import Change, change
from billing.payouts.checking import reasons_for
from billing.payouts.checks import blocking
from billing.payouts.locking import lock_money_of
from billing.payouts.parties import Actor
from billing.payouts.requests import WrongState, give_back
from billing.payouts.rows import Payout
from billing.payouts.states import PayoutState
from billing.payouts.stops import checked_reason
from billing.postings import payouts as postings
from identity.step_up import Holder, Purpose, use_proof
from kernel import db
from kernel.errors import Forbidden, Invalid, NotFound, Refusal

MOST_AT_ONCE: Final = 100
_S = PayoutState


class Decision(StrEnum):
    """What an operator decides."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"
    RELEASE = "RELEASE"  # held no more: it is looked at anew
    RETRY = "RETRY"  # failed or returned: it goes out again


_FROM: Final = {
    Decision.APPROVE: (_S.CHECKING,),
    Decision.REJECT: (_S.CHECKING, _S.HELD),
    Decision.RELEASE: (_S.HELD,),
    Decision.RETRY: (_S.FAILED, _S.RETURNED),
}
_HOLDABLE: Final = (_S.CHECKING, _S.APPROVED, _S.BATCHED)


class PayoutBlocked(Refusal):
    """Something speaks against the payout; the details say what."""

    code = "PAYOUT_BLOCKED"


class SamePerson(Forbidden):
    """Another person has to say yes."""


async def review_payouts(
    payout_ids: Sequence[UUID],
    decision: Decision,
    *,
    note: str,
    actor: Actor,
    holder: Holder,
    proof: str,
) -> list[Payout]:
    """Decide about up to 100 payouts, together or not at all.

    Raises `StepUpRequired`, `Invalid`, `NotFound`, `WrongState`, `PayoutBlocked`, `SamePerson`, and
    for a retry `InsufficientBalance` where the money has gone elsewhere meanwhile.
    """
    if not 1 <= len(set(payout_ids)) <= MOST_AT_ONCE:
        raise Invalid(f"1 to {MOST_AT_ONCE} payouts at once.", field="payoutIds")
    note = checked_reason(note)
    try:
        async with db.transaction(db.every_tenant(reason="operators decide about all payouts")):
            await use_proof(holder, Purpose.PAYOUT_REVIEW, proof)
            found = await _found(payout_ids, _FROM[decision])
            await lock_money_of(found)
            return [await _decide(one, decision, note=note, actor=actor) for one in found]
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "payout_approvals_pkey":
            raise
        raise SamePerson("You have approved this already: somebody else has to.") from None
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != "payout_approvals_check":
            raise
        raise SamePerson("Nobody approves a payout of their own.") from None


async def hold_payout(payout_id: UUID, *, reason: str, actor: Actor) -> Payout:
    """Keep a payout that was not sent from going out, until somebody releases or rejects it.

    Raises `Invalid`, `NotFound`, `WrongState`.
    """
    note = checked_reason(reason)
    async with db.transaction(db.every_tenant(reason="operators decide about all payouts")):
        (payout,) = await _found([payout_id], _HOLDABLE)
        return await change(payout, Change(_S.HELD, by=actor.name, note=note))


async def _found(payout_ids: Sequence[UUID], states: tuple[PayoutState, ...]) -> list[Payout]:
    found = await rows.locked(payout_ids)
    if len(found) != len(set(payout_ids)):
        raise NotFound("There is no such payout.", field="payoutIds")
    if any(payout.state not in states for payout in found):
        raise WrongState("A payout is in another state by now.", field="payoutIds")
    return found


async def _decide(payout: Payout, decision: Decision, *, note: str, actor: Actor) -> Payout:
    if decision is Decision.APPROVE:
        return await _approve(payout, note=note, actor=actor)
    if decision is Decision.REJECT:
        rejected = await change(payout, Change(_S.REJECTED, by=actor.name, note=note))
        await give_back(rejected)
        return rejected
    if decision is Decision.RELEASE:
        to = Change(_S.CHECKING, by=actor.name, note=note, new_round=True)
        return await change(payout, to)
    return await _retry(payout, note=note, actor=actor)


async def _approve(payout: Payout, *, note: str, actor: Actor) -> Payout:
    await _require_nothing_against(payout)
    if not await _is_approved(payout, payout.round, actor):
        return payout
    return await change(payout, Change(_S.APPROVED, by=actor.name, note=note))


async def _is_approved(payout: Payout, round_number: int, actor: Actor) -> bool:
    """Write down that somebody says yes in a round, and whether that is enough."""
    await db.execute(
        """insert into payout_approvals (payout_id, round, approver_id, requested_by)
           values ($1, $2, $3, $4)""",
        payout.id,
        round_number,
        actor.id,
        payout.requested_by,
    )
    given: int = await db.fetch_value(
        "select count(*) from payout_approvals where payout_id = $1 and round = $2",
        payout.id,
        round_number,
    )
    return given >= payout.approvals_needed


async def _retry(payout: Payout, *, note: str, actor: Actor) -> Payout:
    """Reserve the money again: it went back to the party when the payout failed. It takes as many
    people as the first time: else who says that it has failed could have it sent twice."""
    available = accounts.party_available(payout.party_id, payout.currency)
    await ledger.require(available, payout.amount_minor, field="payoutIds")
    await _require_nothing_against(payout)
    if not await _is_approved(payout, payout.round + 1, actor):
        return payout
    to = Change(_S.APPROVED, by=actor.name, note=note, new_round=True, new_attempt=True)
    again = await change(payout, to)
    await ledger.post(
        postings.reserved(again.party_id, again.currency, amount_minor=again.amount_minor),
        kind="PAYOUT_RESERVED",
        idempotency_key=f"payout-reserved:{again.id}:{again.attempt}",
        tenant_id=again.tenant_id,
    )
    return again


async def _require_nothing_against(payout: Payout) -> None:
    against = blocking(await reasons_for(payout))
    if against:
        raise PayoutBlocked(
            "Something speaks against this payout.",
            field="payoutIds",
            details={"reasons": " ".join(against)},
        )
