"""Money comes into a shop's trade balance (加款): by a channel, by bank, or from its parent."""

from uuid import UUID

from asyncpg import UniqueViolationError

from billing import accounts, bank_credits, ledger, trade_moves
from billing.bank.importing import LOCK_IDS
from billing.ledger import credit, debit
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import idempotency, news, topping_up
from orders.idempotency import IdempotencyConflict
from orders.paying import PaymentStarted
from tenants.directory import Shop, current_shop
from tenants.queries import child_of

MAX_TRADE_TOP_UP_MINOR = 50_000_000
MAX_MOVED_MINOR = 10_000_000_000


async def top_up_trade(
    *,
    shop: Shop,
    actor: str,
    amount_minor: int,
    method: str,
    return_url: str,
    idempotency_key: str,
) -> PaymentStarted:
    """Start adding money to the shop's trade balance; it is there when the channel says so.

    Raises `Invalid`, `TenantRestricted`, `IdempotencyConflict`.
    """
    return await topping_up.begin_top_up(
        shop=shop,
        purpose="TRADE_TOP_UP",
        actor=actor,
        customer_id=None,
        amount_minor=amount_minor,
        most_minor=MAX_TRADE_TOP_UP_MINOR,
        method=method,
        return_url=return_url,
        idempotency_key=idempotency_key,
    )


async def credit_bank_transfer(
    *, shop: Shop, actor: str, amount_minor: int, bank_reference: str, idempotency_key: str
) -> None:
    """Add what has come by bank to the shop's trade balance: an operator has seen it there.

    A bank's reference is credited once, to whichever shop and however it is spaced. Raises
    `Invalid`, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    _require_amount(amount_minor)
    bank_reference = bank_credits.checked_reference(bank_reference)
    content = {"bank": bank_reference, "amount": amount_minor}
    request = idempotency.Request(shop.id, actor, idempotency_key, content)
    balance = accounts.trade(shop.id, shop.currency)
    try:
        async with db.transaction(db.core_scope(shop.id, path=shop.path)):
            claim = await idempotency.claim(request, kind="TRADE_CREDIT", result_id=new_id())
            if claim.first:
                await refuse_known_line(bank_reference)
                await trade_moves.credit(
                    account=balance,
                    amount_minor=amount_minor,
                    kind="BANK_CREDIT",
                    entries=[
                        debit(accounts.bank(shop.currency), amount_minor),
                        credit(balance, amount_minor),
                    ],
                    idempotency_key=f"bank-credit:{claim.result_id}",
                    posting_id=claim.result_id,
                    bank_reference=bank_reference,
                )
                await bank_credits.note(bank_reference, posting_id=claim.result_id)
    except UniqueViolationError as error:
        if error.constraint_name not in ("trade_moves_of_bank", bank_credits.ONCE):
            raise
        raise IdempotencyConflict(
            "This bank transfer has been credited before.", field="bankReference"
        ) from None


async def refuse_known_line(bank_reference: str) -> None:
    """Raise for a transfer that a statement of the bank has brought: its money is booked."""
    await db.execute(LOCK_IDS)
    if await db.fetch_value("select true from bank_lines where bank_id = $1", bank_reference):
        raise IdempotencyConflict(
            "This transfer is among the bank's lines: match it there.", field="bankReference"
        )


async def transfer_to_child(
    *, shop: Shop, actor: str, child_slug: str, amount_minor: int, idempotency_key: str
) -> None:
    """Move money from the shop's trade balance to that of a shop directly below it.

    Raises `NotFound` for whoever is no child, `InsufficientBalance`, `TenantRestricted` where
    either of the two, or anybody above, does not trade, `IdempotencyConflict`, `Invalid`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    _require_amount(amount_minor)
    content = {"child": child_slug, "amount": amount_minor}
    request = idempotency.Request(shop.id, actor, idempotency_key, content)
    # Each of the two books is its tenant's own: no tenant's scope may write both.
    scope = db.every_tenant(reason="a shop's money goes to its child")
    async with db.transaction(scope):
        child_id = (await child_of(shop.id, child_slug, scope=scope, field="childSlug")).id
        claim = await idempotency.claim(request, kind="TRADE_TRANSFER", result_id=new_id())
        if claim.first:
            child = await current_shop(child_id)
            (await current_shop(shop.id)).require_open()
            child.require_open()
            if child.currency != shop.currency:
                raise Invalid(f"This shop sells in {child.currency}.", field="childSlug")
            await _transfer(shop, child, amount_minor, posting_id=claim.result_id)
            crash_point("transfer.posted")
    crash_point("transfer.committed")
    await news.balance_changed(shop.id)


async def _transfer(shop: Shop, child: Shop, amount_minor: int, *, posting_id: UUID) -> None:
    ours = accounts.trade(shop.id, shop.currency)
    theirs = accounts.trade(child.id, child.currency)
    held_minor, _ = await trade_moves.lock([ours, theirs])
    if held_minor < amount_minor:
        raise ledger.too_little(held_minor, field="amount")
    out = trade_moves.move(
        posting_id=posting_id,
        account=ours,
        kind="TRANSFER_OUT",
        amount_minor=-amount_minor,
        other_tenant_id=child.id,
    )
    into = trade_moves.move(
        posting_id=posting_id,
        account=theirs,
        kind="TRANSFER_IN",
        amount_minor=amount_minor,
        other_tenant_id=shop.id,
    )
    await trade_moves.note(out, account=ours)
    await trade_moves.note(into, account=theirs)
    await ledger.post(
        [debit(ours, amount_minor), credit(theirs, amount_minor)],
        kind="TRADE_TRANSFER",
        idempotency_key=f"trade-transfer:{posting_id}",
        tenant_id=shop.id,
        posting_id=posting_id,
    )


def _require_amount(amount_minor: int) -> None:
    if not 1 <= amount_minor <= MAX_MOVED_MINOR:
        raise Invalid(f"An amount is between 1 and {MAX_MOVED_MINOR} minor units.", field="amount")
