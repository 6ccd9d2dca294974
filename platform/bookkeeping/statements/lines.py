"""The lines of a statement: every entry of the party's accounts, by the shares it was made of.

An entry is what a transaction of the ledger wrote on one account. What of it is known share by
share stands on lines of its own: the party's frozen shares of the lines that were delivered, the
channel's fee and the points that a shop's share has paid, the shares that have matured. Whatever
is left is one line more: for most kinds of entries that is the whole. So the lines of an entry add
up to it by construction, whatever kinds of entries there come to be.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing import accounts
from bookkeeping.statements.party_accounts import PARTY_ACCOUNTS, AccountName
from bookkeeping.statements.periods import Period
from kernel import cursors, db

LINES_READ_AT_ONCE: Final = 500
_ABOUT: Final = "statement"
_REASON: Final = "name the orders of all shops in which the party of a statement has earned"

_ENTRIES: Final = """
select entry.id as entry_id, posting.id as posting_id, posting.posted_at, posting.kind,
       posting.idempotency_key, posting.order_id, account.name, -entry.amount_minor as amount_minor
from unnest($1::uuid[], $2::text[]) as account (id, name)
join ledger_entries entry on entry.account_id = account.id
join ledger_transactions posting on posting.id = entry.transaction_id
where posting.posted_at >= $5::timestamptz and posting.posted_at < $6::timestamptz {behind}
order by posting.posted_at, posting.id, entry.id {entries}
"""
# Which of an order's lines a delivery was of: it names its line; a sale is of all that nobody had
# to deliver by hand.
_PARTS: Final = """
with known as (
    select share.order_id, share.line_id, share.id as share_id, share.role::text as role,
           made.part, made.minor
    from line_shares share
    join order_lines line on (line.order_id, line.id) = (share.order_id, share.line_id)
    cross join lateral (values
        ('SHARE', share.amount_minor::bigint),
        ('CHANNEL_FEE', case when share.role = 'SHOP_MARGIN' then -line.channel_fee_minor end)
    ) as made (part, minor)
    where entry.kind in ('SALE', 'E2_DELIVERY') and entry.name = 'PENDING'
      and share.order_id = entry.order_id and share.party_id = $3::uuid
      and share.currency = $4::text
      and case entry.kind
          when 'E2_DELIVERY' then share.line_id = substr(entry.idempotency_key, 10)::uuid
          else not exists (select from manual_deliveries manual
                           where (manual.line_id, manual.tenant_id)
                               = (share.line_id, share.tenant_id))
               and not exists (select from instalment_lines paying
                               where (paying.line_id, paying.tenant_id)
                                   = (share.line_id, share.tenant_id)) end
    union all
    select entry.order_id, null, null, null, 'POINTS', sum(given.amount_minor)::bigint
    from ledger_entries given
    where entry.kind = 'SALE' and entry.name = 'PENDING'
      and given.transaction_id = entry.posting_id and given.account_id = $7::uuid
      and given.amount_minor < 0
    union all
    select earned.order_id, earned.line_id, earned.share_id, share.role::text, 'SHARE',
           case entry.name when 'PENDING' then -1 else 1 end
               * (earned.matured_minor - earned.made_good_minor)
    from earnings earned
    join line_shares share on (share.order_id, share.id) = (earned.order_id, earned.share_id)
    where entry.kind = 'E6_MATURITY' and entry.name in ('PENDING', 'AVAILABLE')
      and earned.matured_by = entry.posting_id and earned.party_id = $3::uuid
      and earned.currency = $4::text
), part as (
    select * from known
    union all
    select entry.order_id, about.line_id, share.id, share.role::text,
           case entry.kind when 'E6_MATURITY' then 'DEBT_REPAID' else 'ENTRY' end,
           entry.amount_minor - coalesce((select sum(minor) from known), 0)::bigint
    from (select) as nothing
    left join refunds refund on refund.id = case entry.kind
        when 'E7_REFUND' then substr(entry.idempotency_key, 8)::uuid end
    left join key_replacements moved on entry.kind = 'E9_REPLACEMENT'
        and moved.posting_id = entry.posting_id
    cross join lateral (select coalesce(refund.line_id, moved.line_id) as line_id) as about
    left join lateral (
        select id, role from line_shares
        where order_id = entry.order_id and line_id = about.line_id and party_id = $3::uuid
          and entry.name in ('PENDING', 'HELD', 'AVAILABLE')
        order by id limit 1
    ) as share on true
)
select part.*, row_number() over (order by part.line_id nulls last, part.share_id,
                                           part.part desc)::integer as number
from part where part.minor <> 0
"""
_LINES: Final = f"""
select entry.posted_at, entry.posting_id, entry.entry_id, part.number, entry.name, entry.kind,
       part.part, part.role, part.share_id, part.minor, orders.no, sku.name_zh, sku.name_en
from ({_ENTRIES}) as entry
cross join lateral ({_PARTS}) as part
left join orders on orders.id = part.order_id
left join order_lines line on (line.order_id, line.id) = (part.order_id, part.line_id)
left join skus sku on sku.id = line.sku_id
{{but}}
order by entry.posted_at, entry.posting_id, entry.entry_id, part.number {{limit}}
"""
_ALL: Final = _LINES.format(behind="", entries="", but="", limit="")
_PAGE: Final = _LINES.format(
    behind="""and ($8::timestamptz is null or (posting.posted_at, posting.id, entry.id)
                                             >= ($8::timestamptz, $9::uuid, $10::bigint))""",
    but="""where $8::timestamptz is null
              or (entry.posted_at, entry.posting_id, entry.entry_id, part.number)
               > ($8::timestamptz, $9::uuid, $10::bigint, $11::integer)""",
    # An entry has one line at least, and all of the first one's may have been shown.
    entries="limit $12::integer + 1",
    limit="limit $12",
)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A part of an entry, in the party's view: what it brought (positive) or cost, in minor units.

    `kind` is the ledger transaction's; `part` says what of it this is: a SHARE of an order, the
    CHANNEL_FEE or POINTS that a shop's share has paid, DEBT_REPAID out of what matured, or the
    whole ENTRY.
    """

    posted_at: datetime
    account: AccountName
    kind: str
    part: str
    role: str | None
    share_id: UUID | None
    order_no: str | None
    name_zh: str | None
    name_en: str | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class StatementPage:
    """A page of lines, the oldest first."""

    lines: tuple[StatementLine, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def statement_page(period: Period, *, first: int | None, after: str | None) -> StatementPage:
    """A page of a statement's lines; raises `Invalid` for a page or cursor that is none."""
    size = cursors.page_size(first)
    about = f"{_ABOUT}:{period.party.id}:{period.currency}"
    place = cursors.read(after, tenant_id=period.party.tenant_id, about=about)
    behind: tuple[Any, ...] = (None, None, None, None)
    if place is not None:
        behind = (datetime.fromisoformat(place[0]), UUID(place[1]), place[2], place[3])
    rows = await db.read(
        db.every_tenant(reason=_REASON), _PAGE, *_values(period), *behind, size + 1
    )
    shown = rows[:size]
    return StatementPage(
        lines=tuple(_line(row) for row in shown),
        cursors=tuple(
            cursors.write(_place(row), tenant_id=period.party.tenant_id, about=about)
            for row in shown
        ),
        has_next=len(rows) > size,
    )


async def all_lines(period: Period) -> AsyncIterator[Sequence[StatementLine]]:
    """All lines, so many at a time, in the open transaction; the fence must be lifted."""
    async for rows in db.stream(_ALL, *_values(period), at_once=LINES_READ_AT_ONCE):
        yield [_line(row) for row in rows]


def _values(period: Period) -> tuple[Any, ...]:
    return (
        period.account_ids,
        [account.name for account in PARTY_ACCOUNTS],
        period.party.id,
        period.currency,
        period.since,
        period.until,
        accounts.points(period.party.id, period.currency).id,
    )


def _place(row: Any) -> list[Any]:
    return [row["posted_at"].isoformat(), str(row["posting_id"]), row["entry_id"], row["number"]]


def _line(row: Any) -> StatementLine:
    return StatementLine(
        posted_at=row["posted_at"],
        account=AccountName(row["name"]),
        kind=row["kind"],
        part=row["part"],
        role=row["role"],
        share_id=row["share_id"],
        order_no=row["no"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        amount_minor=row["minor"],
    )
