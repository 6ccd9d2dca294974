"""How a payout ends: it has arrived, or it comes back, by whichever way we hear of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import Account
from billing.payment_methods import stripe_api
from billing.payouts import rows
from billing.payouts.changing import Change, change
from billing.payouts.locking import debt_of, lock_money_of
from billing.payouts.parties import Actor
from billing.payouts.requests import WrongState
from billing.payouts.rows import Payout
from billing.payouts.states import MethodKind, PayoutState
from billing.payouts.stops import checked_reason
from billing.postings import payouts as postings
from identity.step_up import Holder, Purpose, use_proof
from kernel import db
from kernel.errors import Invalid, NotFound

LINES_AT_MOST: Final = 100
_S = PayoutState
_BACK: Final = ((_S.SENT, _S.FAILED), (_S.SENT, _S.RETURNED), (_S.PAID, _S.RETURNED))


@dataclass(frozen=True, slots=True)
class ResultLine:
    """What a bank says of one payout: PAID, FAILED or RETURNED, and why."""

    payout_id: UUID
    outcome: PayoutState
    note: str


async def record_results(
    batch_id: UUID, lines: Sequence[ResultLine], *, actor: Actor, holder: Holder, proof: str
) -> list[Payout]:
    """Write down what a bank says of a batch, line by line, all or none; again changes nothing.

    Raises `StepUpRequired`, `Invalid`, `NotFound` for a payout of no bank's batch of this id,
    `WrongState` for one that cannot have come to this.
    """
    said = {line.payout_id: line for line in lines}
    if not 1 <= len(lines) <= LINES_AT_MOST or len(said) < len(lines):
        raise Invalid(f"1 to {LINES_AT_MOST} lines, each of another payout.", field="lines")
    notes = {line.payout_id: checked_reason(line.note) for line in lines}
    async with db.transaction(db.every_tenant(reason="a bank's file has payouts of all parties")):
        await use_proof(holder, Purpose.PAYOUT_BATCH, proof)
        found = await rows.locked(list(said))
        if len(found) < len(said) or any(not _is_of_bank(one, batch_id) for one in found):
            raise NotFound("There is no such payout.", field="lines")
        await lock_money_of(found)
        return [
            await _end(one, said[one.id].outcome, by=actor.name, note=notes[one.id])
            for one in found
        ]


def _is_of_bank(payout: Payout, batch_id: UUID) -> bool:
    return payout.batch_id == batch_id and payout.method_kind is MethodKind.BANK_ACCOUNT


async def _end(payout: Payout, outcome: PayoutState, *, by: str, note: str) -> Payout:
    if payout.state is outcome:
        return payout
    if outcome is _S.PAID and payout.state is _S.SENT:
        return await arrived(payout, by=by, note=note)
    if (payout.state, outcome) in _BACK:
        return await came_back(payout, outcome, by=by, note=note)
    raise WrongState("A payout is in another state by now.", field="lines")


async def arrived(
    payout: Payout,
    *,
    by: str,
    note: str | None = None,
    provider_ref: str | None = None,
    next_look: timedelta | None = None,
) -> Payout:
    """The money is with the party. In the open transaction, which has locked the payout."""
    paid = await change(
        payout,
        Change(
            _S.PAID,
            by=by,
            note=note,
            batch_id=payout.batch_id,
            provider_ref=provider_ref or payout.provider_ref,
            next_step=next_look,
        ),
    )
    await ledger.post(
        postings.confirmed(
            paid_from(paid), amount_minor=paid.amount_minor, fee_minor=paid.fee_minor
        ),
        kind="PAYOUT_CONFIRMED",
        idempotency_key=f"payout-confirmed:{paid.id}:{paid.attempt}",
        tenant_id=paid.tenant_id,
    )
    return paid


async def came_back(payout: Payout, to: PayoutState, *, by: str, note: str) -> Payout:
    """The money did not arrive, or came back: the party has all of it again."""
    was_paid = payout.state is _S.PAID
    back = await change(
        payout,
        Change(to, by=by, note=note, batch_id=payout.batch_id, provider_ref=payout.provider_ref),
    )
    await ledger.post(
        postings.returned(
            back.party_id,
            paid_from(back) if was_paid else accounts.payout_clearing(back.currency),
            amount_minor=back.amount_minor,
            fee_minor=back.fee_minor,
            debt_minor=await debt_of(back),
        ),
        kind="PAYOUT_RETURNED",
        idempotency_key=f"payout-returned:{back.id}:{back.attempt}",
        tenant_id=back.tenant_id,
    )
    return back


def paid_from(payout: Payout) -> Account:
    """Where the platform's money for a payout lies."""
    if payout.method_kind is MethodKind.BANK_ACCOUNT:
        return accounts.bank(payout.currency)
    return accounts.gateway(stripe_api.PROVIDER, payout.currency)
