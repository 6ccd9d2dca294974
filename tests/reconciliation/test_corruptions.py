"""Whatever is wrong, in the ledger, in an order's rows or at the provider, is found, as what it
is, and nothing else is: one day of sales of which each is corrupted in one way (security A81)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from billing.payment_methods.statement import StatementEntry
from book_keepers import BookKeeper
from kernel.ids import new_id
from sales import Purchase

STRIPE: Final = "STRIPE"
ORDERS: Final = "ORDERS"
Damage = Callable[[BookKeeper, Purchase], Awaitable[None]]

_POSTINGS_OF: Final = "select id from ledger_transactions where order_id = $1"
_LEG: Final = """update ledger_entries entry set amount_minor = entry.amount_minor + ({more})
    from ledger_accounts account where account.id = entry.account_id
      and transaction_id in (select id from ledger_transactions where order_id = $1)
      and account.code = '{code}' and sign(entry.amount_minor) = {sign}"""


def rows(*statements: str) -> Damage:
    """Statements with the order's id as their value, done behind every trigger."""

    async def damage(keeper: BookKeeper, purchase: Purchase) -> None:
        for sql in statements:
            await keeper.behind_the_triggers(sql, purchase.id)

    return damage


def leg(code: str, more: int, *, sign: int) -> str:
    """The legs of an order's postings on these accounts with this sign are so much more."""
    return _LEG.format(code=code, more=more, sign=sign)


def said(**wrong: object) -> Damage:
    """The provider says something else of the payment."""

    async def damage(keeper: BookKeeper, purchase: Purchase) -> None:
        keeper.said.says(await keeper.reference(purchase), **wrong)

    return damage


async def dropped(keeper: BookKeeper, purchase: Purchase) -> None:
    keeper.said.drops(await keeper.reference(purchase))


async def doubled(keeper: BookKeeper, purchase: Purchase) -> None:
    keeper.said.says_twice(await keeper.reference(purchase))


async def settled_after_midnight(keeper: BookKeeper, purchase: Purchase) -> None:
    entry = keeper.said.of(await keeper.reference(purchase))
    keeper.said.says(entry.reference, moved_at=entry.moved_at + timedelta(hours=13))


async def refunded_at_the_dashboard(keeper: BookKeeper, purchase: Purchase) -> None:
    paid = keeper.said.of(await keeper.reference(purchase))
    entry = StatementEntry(
        "txn at the dashboard", "REFUND", "re_unknown", None, -500, 0, "CNY", paid.moved_at
    )
    keeper.said.entries[entry.id] = entry


async def posted_twice(keeper: BookKeeper, purchase: Purchase) -> None:
    await keeper.behind_the_triggers(
        """with again as (
               insert into ledger_transactions (id, kind, idempotency_key, order_id, posted_at)
               select $2, kind, idempotency_key || ' again', order_id, posted_at
               from ledger_transactions where order_id = $1 returning id)
           insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
           select again.id, entry.account_id, entry.amount_minor, entry.currency
           from again, ledger_entries entry
           where entry.transaction_id in (select id from ledger_transactions where order_id = $1)
        """,
        purchase.id,
        new_id(),
    )


async def posted_for_nothing(keeper: BookKeeper, purchase: Purchase) -> None:
    await keeper.behind_the_triggers(
        """with made as (
               insert into ledger_transactions (id, kind, idempotency_key, posted_at)
               select $2, 'BY_HAND', 'somebody was here', paid_at from orders where id = $1
               returning id)
           insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
           select made.id, account.id, case account.code when 'A:GATEWAY:STRIPE' then 9 else -9 end,
                  'CNY'
           from made, ledger_accounts account
           where account.code in ('A:GATEWAY:STRIPE', 'R:GATEWAY_RECOVERY')""",
        purchase.id,
        new_id(),
    )


CORRUPTIONS: Final[list[tuple[str, Damage, set[tuple[str, str]]]]] = [
    ("the sale was never posted",
     rows(f"delete from ledger_entries where transaction_id in ({_POSTINGS_OF})",
          "delete from ledger_transactions where order_id = $1"),
     {(STRIPE, "MISSING_IN_LEDGER"), (ORDERS, "MISSING_IN_LEDGER"), (ORDERS, "SHARES")}),
    ("the ledger took in more than was paid",
     rows(leg("A:GATEWAY:STRIPE", 7, sign=1), leg("L:ESCROW", -7, sign=-1),
          leg("L:ESCROW", 7, sign=1), leg("R:WHOLESALE_MARGIN", -7, sign=-1)),
     {(STRIPE, "AMOUNT"), (ORDERS, "PAYMENT"), (ORDERS, "SHARES")}),
    ("the ledger knows another fee",
     rows(leg("A:GATEWAY:STRIPE", -9, sign=1), leg("E:GATEWAY_FEE", 9, sign=1)),
     {(STRIPE, "FEE")}),
    ("the ledger posted it twice", posted_twice,
     {(STRIPE, "DUPLICATE"), (ORDERS, "PAYMENT"), (ORDERS, "SHARES")}),
    ("money stays in escrow",
     rows(leg("L:ESCROW", -100, sign=1), leg("R:WHOLESALE_MARGIN", 100, sign=-1)),
     {(ORDERS, "ESCROW"), (ORDERS, "SHARES")}),
    ("one party was credited another's share",
     rows("""update ledger_entries entry set account_id = (
                 select id from ledger_accounts where code = 'R:SUPPLIER_COMMISSION')
             from ledger_accounts account where account.id = entry.account_id
               and account.code = 'R:WHOLESALE_MARGIN'
               and transaction_id in (select id from ledger_transactions where order_id = $1)"""),
     {(ORDERS, "SHARES")}),
    ("a share was changed",
     rows("update line_shares set amount_minor = amount_minor + 1 where order_id = $1 "
          "and role = 'SUPPLY'"),
     {(ORDERS, "SHARES")}),
    ("a share is gone",
     rows("delete from line_shares where order_id = $1 and role = 'AGENT_MARGIN'"),
     {(ORDERS, "SHARES")}),
    ("the wallet paid what the card should have",
     rows("""update ledger_entries entry set account_id = wallet.id
             from ledger_accounts account, ledger_accounts wallet
             where account.id = entry.account_id and account.code = 'A:GATEWAY:STRIPE'
               and wallet.code = 'L:WALLET'
               and transaction_id in (select id from ledger_transactions where order_id = $1)"""),
     {(STRIPE, "MISSING_IN_LEDGER"), (ORDERS, "WALLET")}),
    ("a delivered key is gone",
     rows("delete from delivered_keys where order_id = $1"), {(ORDERS, "KEYS")}),
    ("an order is paid and has no payment",
     rows("update payments set status = 'FAILED' where order_id = $1"),
     {(ORDERS, "PAYMENT"), (STRIPE, "UNKNOWN_REFERENCE"), (STRIPE, "MISSING_IN_LEDGER")}),
    ("an order is unpaid that was paid for",
     rows("update orders set payment_status = 'PENDING', fulfilment_status = 'NONE', "
          "paid_at = null, delivered_at = null where id = $1"),
     {(ORDERS, "PAYMENT"), (ORDERS, "SHARES"), (ORDERS, "KEYS")}),
    ("an order says that more of it was refunded",
     rows("update orders set refunded_minor = 100 where id = $1"), {(ORDERS, "REFUNDS")}),
    ("a refund was written and never posted",
     rows("""insert into refunds (id, tenant_id, order_id, payment_id, sequence, currency,
                                  amount_minor, wallet_minor, channel_minor, reason, status)
             select gen_random_uuid(), tenant_id, order_id, id, 1, 'CNY', 300, 300, 0,
                    'LATE_PAYMENT', 'DONE' from payments where order_id = $1"""),
     {(ORDERS, "REFUNDS")}),
    ("an order costs another price",
     rows("update orders set total_minor = total_minor + 1 where id = $1"),
     {(ORDERS, "PAYMENT")}),
    ("the channel's id of a payment was changed",
     rows("update payments set provider_ref = 'pi_other' where order_id = $1"),
     {(STRIPE, "MISSING_AT_PROVIDER"), (STRIPE, "UNKNOWN_REFERENCE")}),
    ("the ledger moved money for nothing", posted_for_nothing, {(STRIPE, "UNKNOWN_REFERENCE")}),
    ("the provider never had it", dropped, {(STRIPE, "MISSING_AT_PROVIDER")}),
    ("the provider took it twice", doubled, {(STRIPE, "DUPLICATE")}),
    ("the provider took less", said(amount_minor=10_990), {(STRIPE, "AMOUNT")}),
    ("the provider kept more", said(fee_minor=349), {(STRIPE, "FEE")}),
    ("the provider kept one minor unit more, which is rounding", said(fee_minor=67), set()),
    ("the provider took another currency", said(currency="USD"), {(STRIPE, "CURRENCY")}),
    ("the provider has it tomorrow", settled_after_midnight, {(STRIPE, "TIMING")}),
    ("somebody refunded it at the provider's", refunded_at_the_dashboard,
     {(STRIPE, "UNKNOWN_REFERENCE")}),
]  # fmt: skip


async def test_twenty_kinds_of_corruption_are_found_and_nothing_that_is_right(
    keeper: BookKeeper,
) -> None:
    await keeper.desk.world.customer(wallet_minor=1)
    purchases = await keeper.sales(len(CORRUPTIONS) + 2)
    refunded, returned = purchases[-2:]
    await refunded.refund(2_000)
    await returned.give_back()
    await keeper.desk.send_refunds()
    await keeper.provider_remembers()
    await keeper.close_day()

    await keeper.run()
    assert await keeper.found() == set(), "healthy books"
    ours, theirs = await _totals(keeper)
    assert ours == theirs

    expected = []
    for purchase, (_, damage, kinds) in zip(purchases, CORRUPTIONS, strict=False):
        await damage(keeper, purchase)
        expected += [(book, kind) for book, kind in kinds]
    await keeper.run()

    found = await keeper.desk.owner.fetch("select book, kind, reference from reconciliation_items")
    assert sorted((row["book"], row["kind"]) for row in found) == sorted(expected)
    assert len(CORRUPTIONS) >= 20


async def _totals(keeper: BookKeeper) -> tuple[list[object], list[object]]:
    totals = await keeper.desk.owner.fetch(
        "select * from reconciliation_totals where day = $1 order by book", keeper.day
    )
    assert [row["book"] for row in totals] == ["ORDERS", "STRIPE"]
    return (
        [(row["our_count"], row["our_minor"], row["our_fee_minor"]) for row in totals],
        [(row["their_count"], row["their_minor"], row["their_fee_minor"] or 0) for row in totals],
    )
