"""What operators decide about a deposit: held for a case, deducted, released, and given back."""

from typing import Final
from uuid import UUID

from billing import accounts, ledger
from billing.deposits import holds
from billing.deposits.holds import DepositHold
from billing.deposits.parties import DepositParty
from billing.postings import deposits as postings
from kernel import crypto, db
from kernel.clock import unix_milliseconds
from kernel.errors import Invalid, Refusal
from kernel.ids import new_id
from kernel.money import MAX_AMOUNT_MINOR
from orders import idempotency
from orders.deposits import measuring, stopping

LONGEST_REASON: Final = 500
_A_DAY_IN_MILLISECONDS: Final = 24 * 3600 * 1000


class StillTrading(Refusal):
    """A deposit stays while somebody could still claim something."""

    code = "VALIDATION"


async def hold(
    party: DepositParty,
    *,
    case_id: UUID | None,
    amount_minor: int,
    reason: str,
    actor: str,
    idempotency_key: str,
) -> DepositHold:
    """Hold so much of a deposit for a case; without one the hold is its own.

    Raises `DepositTooLow`, `Invalid`, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    if not 1 <= amount_minor <= MAX_AMOUNT_MINOR:
        raise Invalid(f"An amount is between 1 and {MAX_AMOUNT_MINOR} minor units.", field="amount")
    words = _reason(reason)
    content = {"hold": party.id, "case": case_id, "amount": amount_minor, "reason": words}
    request = idempotency.Request(party.tenant_id, actor, idempotency_key, content)
    async with db.transaction(party.scope):
        claim = await idempotency.claim(request, kind="DEPOSIT_HOLD", result_id=new_id())
        if not claim.first:
            return await holds.by_id(claim.result_id)
        held = await holds.hold(
            party,
            hold_id=claim.result_id,
            case_id=case_id or claim.result_id,
            amount_minor=amount_minor,
            reason=words,
            actor=actor,
        )
        await stopping.follow(party)
    return held


async def end_hold(
    party: DepositParty, hold_id: UUID, *, deducted_minor: int, reason: str, actor: str
) -> DepositHold:
    """End a hold: so much of it is a penalty, and the rest is free again.

    A hold ends once, so nothing is done twice without a key. Raises `NotFound`, `Invalid`.
    """
    if not 0 <= deducted_minor <= MAX_AMOUNT_MINOR:
        message = f"An amount is between 0 and {MAX_AMOUNT_MINOR} minor units."
        raise Invalid(message, field="deduct")
    words = _reason(reason)
    async with db.transaction(party.scope):
        ended = await holds.end(
            party, hold_id, deducted_minor=deducted_minor, reason=words, actor=actor
        )
        await stopping.follow(party)
    return ended


async def leave(party: DepositParty, *, actor: str, idempotency_key: str) -> None:
    """Give a deposit back to who has wound up: from now on it can be paid out.

    Raises `StillTrading` while anything could still be claimed, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    request = idempotency.Request(
        party.tenant_id, actor, idempotency_key, {"deposit left": party.id}
    )
    # What a supplier has sold stands in every shop.
    async with db.transaction(db.every_tenant(reason="a deposit leaves with its party")):
        claim = await idempotency.claim(request, kind="DEPOSIT", result_id=new_id())
        if claim.first:
            (free_minor,) = await ledger.lock_balances([party.free])
            await _require_wound_up(party)
            if not free_minor:
                raise Invalid("There is no deposit to give back.", field="partyId")
            await ledger.post(
                postings.left(party.id, party.currency, amount_minor=free_minor),
                kind="E11_LEAVE",
                idempotency_key=f"deposit-left:{claim.result_id}",
                tenant_id=party.tenant_id,
                posting_id=claim.result_id,
            )


_HAS_ENDED: Final = {
    "SUPPLIER": "select status = 'TERMINATED' from suppliers where id = $1",
    # Whoever is rejected may have put it down before anybody looked.
    "TENANT": "select status in ('CLOSED', 'REJECTED') from tenants where id = $1 for key share",
}


# A bank takes months to decide about a payment: until then the party may have to bear it.
_IS_HELD: Final = """
select exists (select from deposit_holds where party_id = $1 and state = 'HELD')
    or exists (select from earnings where party_id = $1 and open_holds > 0)
"""


async def _require_wound_up(party: DepositParty) -> None:
    if not await db.fetch_value(_HAS_ENDED[party.kind], party.id):
        raise StillTrading("This party has not ended.", field="partyId")
    # Deliveries are counted some minutes later: what is younger than a day is looked for itself.
    yesterday = UUID(int=(unix_milliseconds() - _A_DAY_IN_MILLISECONDS) << 80)
    has_sold = await db.fetch_value(
        "select exists (select from line_shares where party_id = $1 and id > $2)",
        party.id,
        yesterday,
    )
    if has_sold or (await measuring.measured(party)).exposure_minor:
        raise StillTrading("What was sold can still be claimed.", field="partyId")
    if await db.fetch_value(_IS_HELD, party.id):
        raise StillTrading("A case is open.", field="partyId")
    debt_minor = -await ledger.balance(accounts.receivable(party.id, party.currency))
    if debt_minor:
        raise StillTrading("A debt is open.", field="partyId", details={"owed": debt_minor})


def _reason(text: str) -> str:
    words = crypto.normalised(text)
    if not (1 <= len(words) <= LONGEST_REASON and words.isprintable()):
        raise Invalid(f"This has 1 to {LONGEST_REASON} printable characters.", field="reason")
    return words
