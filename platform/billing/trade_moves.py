"""A trade balance's book: one row for each movement, written with the posting that moves it.

Whoever writes here has locked the balance's account before: a row says what the balance has come
to, and the next one goes on from there. Where it goes below the shop's threshold, and only then,
an alert is written by the same statement.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from billing import ledger
from billing.ledger import Account, Entry
from kernel import db
from kernel.ids import new_id
from kernel.statements import Statement

MoveKind = Literal[
    "TOP_UP",
    "BANK_CREDIT",
    "PURCHASE",
    "REFUND",
    "TRANSFER_OUT",
    "TRANSFER_IN",
    "OPEN_FEE",
    "DISPUTED",
    "DISPUTE_WON",
]

MOVE = """
moved as (
    insert into trade_moves (tenant_id, id, kind, amount_minor, balance_minor, currency, order_id,
                             other_tenant_id, bank_reference, moved_at)
    select :move_tenant::uuid, :posting_id::uuid, :move_kind::text, :moved_minor::bigint,
           funds.held_minor + :moved_minor::bigint, :move_currency::text, :order_id::uuid,
           :other_tenant::uuid, :bank_reference::text, moment.now
    from ready, moment, funds
), alarm as (
    insert into low_balance_alerts (tenant_id, id, threshold_minor, balance_minor, currency,
                                    raised_at)
    select :move_tenant::uuid, :posting_id::uuid, wanted.low_balance_minor,
           funds.held_minor + :moved_minor::bigint, :move_currency::text, moment.now
    from ready, moment, funds, trade_settings wanted
    where wanted.tenant_id = :move_tenant::uuid
      and funds.held_minor >= wanted.low_balance_minor
      and funds.held_minor + :moved_minor::bigint < wanted.low_balance_minor
    returning 1
)
"""
"""The part of a statement that notes a movement of the balance in `funds`, where `ready` has a row.
`alarm` has a row where it has crossed the shop's threshold."""

_MOVE_ALONE = Statement.of(
    "moment as materialized (select platform_now() as now)",
    "ready as (select 1)",
    ledger.FUNDS,
    MOVE,
    then="select exists (select from alarm) as is_low",
)


def move(
    *,
    posting_id: UUID,
    account: Account,
    kind: MoveKind,
    amount_minor: int,
    order_id: UUID | None = None,
    other_tenant_id: UUID | None = None,
    bank_reference: str | None = None,
) -> dict[str, Any]:
    """Give the values of `MOVE`; a positive amount adds to the balance. In minor units."""
    return {
        "posting_id": posting_id,
        "move_tenant": account.owner_id,
        "move_kind": kind,
        "moved_minor": amount_minor,
        "move_currency": account.currency,
        "order_id": order_id,
        "other_tenant": other_tenant_id,
        "bank_reference": bank_reference,
    }


_OPEN_ACCOUNTS = """
insert into ledger_accounts (id, code, owner_id, currency)
select id, code, owner_id, currency
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) as wanted (id, code, owner_id, currency)
where not exists (select from ledger_accounts known where known.id = wanted.id)
order by id on conflict do nothing
"""


async def lock(balances: Sequence[Account]) -> list[int]:
    """What each balance holds, in minor units, locked until commit.

    One that was never used is opened first: else there would be nothing to lock, and two first
    movements would not know of each other.
    """
    in_order = sorted(balances, key=lambda account: account.id)
    await db.execute(
        _OPEN_ACCOUNTS,
        [account.id for account in in_order],
        [account.code for account in in_order],
        [account.owner_id for account in in_order],
        [account.currency for account in in_order],
    )
    return await ledger.lock_balances(balances)


async def note(values: dict[str, Any], *, account: Account) -> bool:
    """Write a movement of a balance that is locked, before its posting; true if it raised an alert.

    `values` are those of `move`.
    """
    given = values | {"debited_account": account.id}
    is_low: bool = await db.fetch_value(_MOVE_ALONE.sql, *_MOVE_ALONE.values(given))
    return is_low


async def credit(
    *,
    account: Account,
    amount_minor: int,
    kind: Literal["TOP_UP", "BANK_CREDIT"],
    entries: Sequence[Entry],
    idempotency_key: str,
    posting_id: UUID | None = None,
    bank_reference: str | None = None,
) -> None:
    """Post money that comes from outside onto a trade balance, and note it in its book.

    Inside a transaction. `entries` bring the money and credit the balance; a `bank_reference` that
    was credited before is a unique violation.
    """
    posting_id = posting_id or new_id()
    await lock([account])
    values = move(
        posting_id=posting_id,
        account=account,
        kind=kind,
        amount_minor=amount_minor,
        bank_reference=bank_reference,
    )
    await note(values, account=account)
    await ledger.post(
        entries,
        kind="TRADE_CREDIT",
        idempotency_key=idempotency_key,
        tenant_id=account.owner_id,
        posting_id=posting_id,
    )
