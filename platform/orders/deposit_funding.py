"""Money comes into a seller's deposit (保证金): by a channel, by bank, or out of its earnings."""

from typing import Final

from asyncpg import UniqueViolationError

from billing import bank_credits, ledger
from billing.deposits.parties import DepositParty
from billing.payment_methods import METHODS
from billing.postings import deposits as postings
from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from orders import idempotency, topping_up
from orders.deposits import arriving
from orders.idempotency import IdempotencyConflict
from orders.paying import PaymentStarted
from orders.trade_funding import refuse_known_line
from tenants.directory import Shop

MAX_TOP_UP_MINOR: Final = 50_000_000
MAX_MOVED_MINOR: Final = 10_000_000_000


async def top_up(
    party: DepositParty,
    *,
    shop: Shop,
    actor: str,
    amount_minor: int,
    method: str,
    return_url: str,
    idempotency_key: str,
) -> PaymentStarted:
    """Start adding money to a deposit; it is there when the channel says so.

    `shop` is at whose address the party is: its own, or a supplier's the platform's. Raises
    `Invalid`, `IdempotencyConflict`.
    """
    if method not in METHODS:
        raise Invalid("This payment method is not offered.", field="method")
    return await topping_up.begin_top_up(
        shop=shop,
        purpose="DEPOSIT_TOP_UP",
        actor=f"deposit:{actor}",
        customer_id=None,
        amount_minor=amount_minor,
        most_minor=MAX_TOP_UP_MINOR,
        method=method,
        return_url=return_url,
        idempotency_key=idempotency_key,
        deposit_of=party,
    )


async def credit_bank_transfer(
    party: DepositParty,
    *,
    actor: str,
    amount_minor: int,
    bank_reference: str,
    idempotency_key: str,
) -> None:
    """Add what has come by bank: an operator has seen it there.

    A bank's reference is credited once, to whomever and for whatever. Raises `Invalid`,
    `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    _require_amount(amount_minor)
    reference = bank_credits.checked_reference(bank_reference)
    content = {"deposit": party.id, "bank": reference, "amount": amount_minor}
    request = idempotency.Request(party.tenant_id, actor, idempotency_key, content)
    try:
        async with db.transaction(party.scope):
            claim = await idempotency.claim(request, kind="DEPOSIT", result_id=new_id())
            if claim.first:
                await refuse_known_line(reference)
                await ledger.post(
                    postings.from_bank(party.id, party.currency, amount_minor=amount_minor),
                    kind="E11_BANK",
                    idempotency_key=f"deposit-bank:{claim.result_id}",
                    tenant_id=party.tenant_id,
                    posting_id=claim.result_id,
                )
                await bank_credits.note(reference, posting_id=claim.result_id)
                await arriving.has_come(party, actor=actor)
    except UniqueViolationError as error:
        if error.constraint_name != bank_credits.ONCE:
            raise
        raise IdempotencyConflict(
            "This bank transfer has been credited before.", field="bankReference"
        ) from None


async def put_down(
    party: DepositParty, *, actor: str, amount_minor: int, idempotency_key: str
) -> None:
    """Move what the party has earned and could be paid out into its deposit.

    Raises `Invalid`, `InsufficientBalance`, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    _require_amount(amount_minor)
    content = {"put down": party.id, "amount": amount_minor}
    request = idempotency.Request(party.tenant_id, actor, idempotency_key, content)
    entries = postings.from_earnings(party.id, party.currency, amount_minor=amount_minor)
    async with db.transaction(party.scope):
        claim = await idempotency.claim(request, kind="DEPOSIT", result_id=new_id())
        if claim.first:
            await ledger.require(entries[0].account, amount_minor, field="amount")
            await ledger.post(
                entries,
                kind="E11_PUT_DOWN",
                idempotency_key=f"deposit-earned:{claim.result_id}",
                tenant_id=party.tenant_id,
                posting_id=claim.result_id,
            )
            await arriving.has_come(party, actor=actor)


def _require_amount(amount_minor: int) -> None:
    if not 1 <= amount_minor <= MAX_MOVED_MINOR:
        raise Invalid(f"An amount is between 1 and {MAX_MOVED_MINOR} minor units.", field="amount")
