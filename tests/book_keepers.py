"""A day of sales and a provider's statement of it, for whoever compares the two."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from billing.payment_methods.base import ChannelUnavailable
from billing.payment_methods.statement import Category, StatementEntry, StatementPage
from reconciliation import runs, statements, turns
from sales import Purchase, SalesDesk

NOON_TOMORROW = """
insert into sandbox_clock (shift)
values (date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'
        + interval '36 hours' - now())
on conflict (only_row) do update set shift = excluded.shift
"""


@dataclass
class StatementInMemory:
    """The provider's own book: what it has taken and given back, as it remembers it."""

    book: str = "STRIPE"
    slack: timedelta = timedelta(0)
    entries: dict[str, StatementEntry] = field(default_factory=dict)
    entries_a_page: int = 3
    is_silent: bool = False
    asked: int = 0

    def is_open(self) -> bool:
        return True

    async def page(self, *, since: datetime, until: datetime, after: str) -> StatementPage:
        self.asked += 1
        if self.is_silent:
            raise ChannelUnavailable("silent")
        within = [one for one in self.entries.values() if since <= one.moved_at < until]
        start = [one.id for one in within].index(after) + 1 if after else 0
        shown = within[start : start + self.entries_a_page]
        more = len(within) > start + self.entries_a_page
        return StatementPage(tuple(shown), shown[-1].id if more else None)

    def says(self, reference: str, **wrong: Any) -> None:
        """Say something else of what has moved for this."""
        entry = self.of(reference)
        self.entries[entry.id] = replace(entry, **wrong)

    def says_twice(self, reference: str) -> None:
        entry = self.of(reference)
        self.entries["again " + entry.id] = replace(entry, id="again " + entry.id)

    def drops(self, reference: str) -> None:
        del self.entries[self.of(reference).id]

    def of(self, reference: str) -> StatementEntry:
        return next(one for one in self.entries.values() if one.reference == reference)


@contextmanager
def provider_says() -> Iterator[StatementInMemory]:
    """The only statement that there is, until the block ends."""
    said = StatementInMemory()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "STATEMENTS", [said])
        yield said


@dataclass
class BookKeeper:
    """Sales on one day of the platform, what the provider says of them, and the day's run."""

    desk: SalesDesk
    said: StatementInMemory
    day: date = date(2000, 1, 1)

    async def open_day(self) -> None:
        """It is noon; the day is not over before anybody says so."""
        await self.desk.owner.execute(NOON_TOMORROW)
        self.day = await self.desk.owner.fetchval(
            "select (platform_now() at time zone 'UTC')::date"
        )

    async def close_day(self, days: int = 1) -> None:
        """It is noon of a later day."""
        await self.desk.owner.execute(
            "update sandbox_clock set shift = shift + $1::interval", timedelta(days=days)
        )

    async def sales(self, count: int, *, method: str = "CARD") -> list[Purchase]:
        await self.desk.world.keys(count)
        return [await (await self.desk.order()).paid(method) for _ in range(count)]

    async def provider_remembers(self) -> None:
        """The provider's statement as it should be: of each payment that came, and each refund."""
        rows = await self.desk.owner.fetch(
            """select provider_ref as reference, id as own_id, 'PAYMENT' as category,
                      channel_minor::bigint as amount_minor,
                      ((channel_minor * fee_bp + 9999) / 10000)::bigint as fee_minor,
                      currency::text as currency, platform_now() as moved_at
               from payments where status in ('SUCCEEDED', 'UNAPPLIED') and channel_minor > 0
               union all
               select refund.provider_ref, refund.id, 'REFUND', -refund.channel_minor, 0,
                      refund.currency, platform_now()
               from refunds refund where refund.status = 'DONE' and refund.channel_minor > 0"""
        )
        for row in rows:
            entry = StatementEntry(id=f"txn {row['reference']}", **row)
            self.said.entries.setdefault(entry.id, entry)

    async def provider_says(
        self, entry_id: str, category: Category, reference: str, amount_minor: int
    ) -> None:
        """One more entry of the provider's statement, of now."""
        now = await self.desk.owner.fetchval("select platform_now()")
        self.said.entries[entry_id] = StatementEntry(
            entry_id, category, reference, None, amount_minor, 0, "CNY", now
        )

    async def run(self, day: date | None = None) -> None:
        """Run a day, once more if it has been, to its end."""
        await runs.begin(day or self.day, asked_by="tests")
        while await turns.take_a_turn():
            pass

    async def found(self, state: str = "OPEN") -> set[tuple[str, str, str]]:
        """The items of a state: (book, kind, reference)."""
        rows = await self.desk.owner.fetch(
            "select book, kind, reference from reconciliation_items where state = $1", state
        )
        return {tuple(row) for row in rows}

    async def item_id(self, kind: str) -> UUID:
        """The only open item of a kind."""
        found: UUID = await self.desk.owner.fetchval(
            "select id from reconciliation_items where kind = $1 and state = 'OPEN'", kind
        )
        return found

    async def behind_the_triggers(self, sql: str, *values: Any) -> None:
        """Do damage that no use case could do."""
        async with self.desk.owner.transaction():
            await self.desk.owner.execute("set local session_replication_role = replica")
            await self.desk.owner.execute(sql, *values)

    async def reference(self, purchase: Purchase) -> str:
        """What the provider calls the payment of an order."""
        found: str = await self.desk.owner.fetchval(
            "select provider_ref from payments where order_id = $1", purchase.id
        )
        return found


async def plant_reconciliation(owner: asyncpg.Connection, item_id: UUID) -> None:
    """A day that was reconciled, with one open difference: a payment that the provider lacks."""
    await owner.execute(
        """insert into reconciliation_runs (day, step, seen_until, asked_by, ended_at)
           values ('2026-01-04', 'DONE', now(), 'worker', now())"""
    )
    await owner.execute(
        """insert into reconciliation_totals (day, book, currency, our_count, our_minor,
                                              their_count, their_minor, their_fee_minor)
           values ('2026-01-04', 'STRIPE', 'CNY', 1, 1000, 0, 0, 0)"""
    )
    await owner.execute(
        """insert into reconciliation_items
               (id, day, last_day, book, reference, kind, fix, category, currency, our_count,
                their_count, our_minor, their_minor, difference_minor)
           values ($1, '2026-01-04', '2026-01-04', 'STRIPE', 'pi_lost', 'MISSING_AT_PROVIDER',
                   'ASK_PROVIDER', 'PAYMENT', 'CNY', 1, 0, 1000, 0, 1000)""",
        item_id,
    )
    await owner.execute(
        """insert into payout_gates (currency, open_items, open_minor, shut_since)
           values ('CNY', 1, 1000, now())"""
    )
