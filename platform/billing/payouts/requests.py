"""A party asks for its money, and may take that back while nobody has looked at it."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from billing import accounts, ledger, payout_gate
from billing.payout_gate import InDebt as InDebt
from billing.payouts import rows
from billing.payouts.changing import Change, change
from billing.payouts.locking import debt_of
from billing.payouts.methods import PayoutMethod, live_method
from billing.payouts.parties import Actor, Party
from billing.payouts.rows import Payout
from billing.payouts.states import MethodKind, PayoutState
from billing.payouts.terms import payout_terms
from billing.postings import payouts as postings
from identity.step_up import Holder, Purpose, use_proof
from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.faults import crash_point
from kernel.ids import new_id
from kernel.money import MAX_AMOUNT_MINOR, payable_step_minor
from kernel.statements import Statement


class PayoutConflict(Refusal):
    """The idempotency key was used for another payout."""

    code = "IDEMPOTENCY_CONFLICT"


class WrongState(Refusal):
    """The payout is not where this can be done."""

    code = "WRONG_STATE"


# The party's AVAILABLE is locked by an earlier statement, so this one sees what is there, and takes
# it or nothing.
_RESERVE: Final = Statement.of(
    ledger.FUNDS,
    """blocked as materialized (
        select payout_block(:party_kind::text, :party_id::uuid) as reason from funds)""",
    """ready as (
        select 1 from funds, blocked where held_minor >= :amount::bigint and reason is null)""",
    ledger.POST,
    """asked as (
        insert into payouts (tenant_id, id, party_kind, party_id, method_id, method_kind, currency,
                             amount_minor, fee_minor, state, approvals_needed, requested_by,
                             request_key, changed_by, next_step_at)
        select :tenant_id::uuid, :payout_id::uuid, :party_kind::text, :party_id::uuid,
               :method_id::uuid, :method_kind::text, :currency::text, :amount::bigint, :fee::bigint,
               'REQUESTED', :approvals::smallint, :requested_by::uuid, :request_key::text,
               :actor::text, platform_now() + :grace::interval
        from ready)""",
    then="select held_minor, blocked.reason from funds, blocked",
)


async def request_payout(
    party: Party,
    *,
    amount_minor: int,
    actor: Actor,
    holder: Holder,
    proof: str,
    idempotency_key: str,
) -> Payout:
    """Reserve so much of what the party has available, to be paid where it is paid now.

    The same key gets the first answer. Raises `StepUpRequired`, `Invalid`, `NotFound` where it has
    no place to be paid at, `InsufficientBalance`, `InDebt`, `PayoutsStopped`, `PayoutConflict`.
    """
    _require_sensible(amount_minor, idempotency_key)
    async with db.transaction(db.core_scope(party.tenant_id)):
        available = accounts.party_available(party.id, party.currency)
        await ledger.lock_balances([available])
        known = await rows.by_request(party.id, idempotency_key)
        if known is not None:
            if (known.amount_minor, known.currency) != (amount_minor, party.currency):
                raise PayoutConflict(
                    "This idempotency key was used for another request.", field="idempotencyKey"
                )
            return known
        await use_proof(holder, Purpose.PAYOUT_REQUEST, proof)
        await payout_gate.require_open(party.currency)
        method = await live_method(party)
        payout_id = new_id()
        values = _values(party, method, payout_id, amount_minor, actor, idempotency_key)
        found = await db.fetch_row(_RESERVE.sql, *_RESERVE.values(values))
        assert found is not None
        payout_gate.require_unblocked(found["reason"])
        if found["held_minor"] < amount_minor:
            raise ledger.too_little(found["held_minor"], field="amount")
        crash_point("payout.reserved")
        made = await rows.by_id(payout_id)
    crash_point("payout.requested")
    assert made is not None
    return made


async def cancel_payout(party: Party, payout_id: UUID, *, actor: Actor) -> Payout:
    """Take a request back; its money is available again. Cancelled already: nothing happens.

    Raises `NotFound` for nobody's and another party's payout, `WrongState` once it is looked at.
    """
    async with db.transaction(db.core_scope(party.tenant_id)):
        payout = await rows.by_id(payout_id, lock=True)
        if payout is None or payout.party_id != party.id:
            raise NotFound("There is no such payout.", field="payoutId")
        if payout.state is PayoutState.CANCELED:
            return payout
        if payout.state is not PayoutState.REQUESTED:
            raise WrongState("The payout is looked at already.", field="payoutId")
        canceled = await change(payout, Change(PayoutState.CANCELED, by=actor.name))
        await give_back(canceled)
    return canceled


async def give_back(payout: Payout) -> None:
    """What was reserved is available again, or repays a debt: the payout has ended unsent."""
    await ledger.post(
        postings.released(
            payout.party_id,
            payout.currency,
            amount_minor=payout.amount_minor,
            debt_minor=await debt_of(payout),
        ),
        kind="PAYOUT_RELEASED",
        idempotency_key=f"payout-released:{payout.id}:{payout.attempt}",
        tenant_id=payout.tenant_id,
    )


def _require_sensible(amount_minor: int, idempotency_key: str) -> None:
    terms = payout_terms()
    if not 1 <= len(idempotency_key) <= 128:
        raise Invalid(
            "An idempotency key has 1 to 128 characters, best a random UUID.",
            field="idempotencyKey",
        )
    least_minor = max(terms.least_minor, 1)
    if not least_minor <= amount_minor <= MAX_AMOUNT_MINOR:
        raise Invalid(f"A payout is at least {least_minor} minor units.", field="amount")
    if terms.fee_of(amount_minor) >= amount_minor:
        raise Invalid("The fee would take all of it.", field="amount")


def _values(
    party: Party,
    method: PayoutMethod,
    payout_id: UUID,
    amount_minor: int,
    actor: Actor,
    idempotency_key: str,
) -> Mapping[str, Any]:
    terms = payout_terms()
    if method.currency != party.currency:
        raise Invalid(f"This place is paid in {method.currency}.", field="amount")
    step_minor = payable_step_minor(party.currency)
    sent_minor = amount_minor - terms.fee_of(amount_minor)
    if method.kind is MethodKind.STRIPE_ACCOUNT and sent_minor % step_minor:
        raise Invalid(
            f"What is sent there, less the fee, is a multiple of {step_minor}.", field="amount"
        )
    posting = ledger.posting(
        postings.reserved(party.id, party.currency, amount_minor=amount_minor),
        kind="PAYOUT_RESERVED",
        idempotency_key=f"payout-reserved:{payout_id}:1",
        tenant_id=party.tenant_id,
        order_id=None,
    )
    return posting | {
        "debited_account": accounts.party_available(party.id, party.currency).id,
        "payout_id": payout_id,
        "party_kind": party.kind,
        "party_id": party.id,
        "method_id": method.id,
        "method_kind": method.kind,
        "currency": party.currency,
        "amount": amount_minor,
        "fee": terms.fee_of(amount_minor),
        "approvals": terms.approvals_for(amount_minor),
        "requested_by": actor.id,
        "request_key": idempotency_key,
        "actor": actor.name,
        "grace": terms.grace,
    }
