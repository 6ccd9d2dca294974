"""What tests of statements ask: a party's statement of all there was, and its files."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from bookkeeping.statements import files, making
from bookkeeping.statements.lines import StatementLine, all_lines, statement_page
from bookkeeping.statements.parties import party_of
from bookkeeping.statements.periods import Period, settled_period
from bookkeeping.statements.summing import AccountSummary, summaries
from bookkeeping.statements.writers import StatementFormat
from kernel import db
from kernel.ids import new_id
from orders.split import PartyKind
from tenants.directory import shop_by_id
from world import World

DAY = timedelta(days=1)


async def database_now(world: World) -> datetime:
    """The time by which everything is decided."""
    now: datetime = await world.owner.fetchval("select platform_now()")
    return now


async def whole_period(
    world: World, party_id: UUID, kind: PartyKind = PartyKind.TENANT, *, since_days: float = 100
) -> Period:
    """Everything up to ten minutes ago."""
    now = await database_now(world)
    party = await party_of(kind, party_id)
    return await settled_period(
        party,
        currency=None,
        since=now - since_days * DAY,
        until=now - timedelta(minutes=10, seconds=1),
    )


async def an_hour_passes(world: World, days: float = 0) -> None:
    """What was posted so far is settled."""
    await world.shift_clock(f"{days * 86_400 + 3_600} seconds")


async def lines_of(period: Period) -> list[StatementLine]:
    """All lines in one stream."""
    scope = db.every_tenant(reason="a test reads a statement")
    async with db.transaction(scope, read_only=True, one_picture=True):
        return [line async for lines in all_lines(period) for line in lines]


async def paged_lines(period: Period, *, first: int) -> list[StatementLine]:
    """All lines page by page."""
    lines: list[StatementLine] = []
    after = None
    while True:
        page = await statement_page(period, first=first, after=after)
        lines += page.lines
        if not page.has_next:
            return lines
        after = page.cursors[-1]


def sums_of(lines: Sequence[StatementLine]) -> dict[str, int]:
    """What lines bring each account, in minor units."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.account] += line.amount_minor
    return dict(sums)


async def assert_adds_up(period: Period) -> list[AccountSummary]:
    """Opening + lines = closing of each account, and pages are what the stream is."""
    accounts = await summaries(period)
    lines = await lines_of(period)
    sums = sums_of(lines)
    for account in accounts:
        moved = sums.pop(account.name, 0)
        assert account.opening_minor + moved == account.closing_minor, account.name
    assert not sums
    assert await paged_lines(period, first=3) == lines
    return accounts


async def ask(
    period: Period, file_format: StatementFormat = StatementFormat.CSV, *, key: str = ""
) -> files.StatementFile:
    """Ask for a file in Chinese."""
    return await files.ask_file(
        period,
        file_format=file_format,
        english=False,
        actor="staff:test",
        request_key=key or new_id().hex,
    )


async def made(period: Period, file_format: StatementFormat = StatementFormat.CSV) -> bytes:
    """Ask for a file, let the worker make it, and fetch it."""
    file = await ask(period, file_format)
    assert await making.make_statements() == 1
    return await content_of(period, file.id)


async def content_of(period: Period, file_id: UUID) -> bytes:
    """The content of a file that is done."""
    file = await files.statement_file(period.party, file_id)
    assert file.state is files.FileState.DONE
    shop = await shop_by_id(period.party.tenant_id)
    assert shop is not None
    token, _ = await files.sign_address(shop, period.party, file_id)
    download = await files.read_address(token, shop=shop)
    content = b"".join([piece async for piece in download.pieces()])
    assert len(content) == file.size_bytes
    assert hashlib.sha256(content).digest() == file.sha256
    return content
