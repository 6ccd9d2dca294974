"""A statement's files say the same sums, are made once, and go to nobody else."""

import asyncio
import csv
import io
import os
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from bookkeeping.statements import files, making
from bookkeeping.statements.files import FileState
from bookkeeping.statements.party_accounts import BY_NAME
from bookkeeping.statements.periods import Period
from bookkeeping.statements.summing import AccountSummary, summaries
from bookkeeping.statements.writers import StatementFormat, pdf_writer
from bookkeeping.statements.writers.pdf_writer import DEBIANS_FONT, FontMissing
from earnings_books import sold, sweep
from kernel.errors import Forbidden, NotFound, RateLimited
from kernel.settings import settings
from orders.idempotency import IdempotencyConflict
from orders.split import PartyKind
from sales import SalesDesk
from statement_desk import an_hour_passes, ask, content_of, made, whole_period
from tenants.directory import shop_by_id

pytestmark = pytest.mark.engines
needs_font = pytest.mark.skipif(
    not Path(DEBIANS_FONT).exists() and "CI" not in os.environ,
    reason="needs a font with Chinese letters: apt-get install fonts-wqy-microhei",
)
_EAST = timezone(timedelta(hours=8))
OPENING, CLOSING = "期初余额", "期末余额"
Sums = dict[str, tuple[Decimal, Decimal, Decimal]]


@pytest.fixture
async def period(desk: SalesDesk) -> Period:
    """A shop that is named like a formula has sold, refunded, and been paid for what is old."""
    await desk.owner.execute("update tenants set name = '=1+1' where id = $1", desk.world.shop.id)
    await sold(desk)
    await an_hour_passes(desk.world, days=8)
    await sweep()
    await an_hour_passes(desk.world, days=8 + 1 / 24)
    second = await sold(desk)
    await second.refund(4_000, reason="SHOP_FAULT")
    await an_hour_passes(desk.world, days=9)
    return await whole_period(desk.world, desk.world.shop.id, since_days=23.5 / 24)


def expected(accounts: list[AccountSummary], *, minor_in_major: int = 100) -> Sums:
    """Opening, what moved, and closing by the account's Chinese name."""
    return {
        BY_NAME[one.name].zh: (
            Decimal(one.opening_minor) / minor_in_major,
            Decimal(one.closing_minor - one.opening_minor) / minor_in_major,
            Decimal(one.closing_minor) / minor_in_major,
        )
        for one in accounts
    }


def _sums(rows: list[list[str]]) -> Sums:
    opening: dict[str, Decimal] = {}
    moved: dict[str, Decimal] = defaultdict(Decimal)
    closing: dict[str, Decimal] = {}
    for _, account, what, *_, amount, balance in rows:
        if what == OPENING:
            opening[account] = Decimal(balance)
        elif what == CLOSING:
            closing[account] = Decimal(balance)
        else:
            moved[account] += Decimal(amount)
    return {name: (opening[name], moved[name], closing[name]) for name in closing}


def of_csv(content: bytes) -> Sums:
    """The sums of a CSV file, by adding up its lines."""
    text = content.decode("utf-8-sig")
    assert content.startswith(b"\xef\xbb\xbf")
    return _sums(list(csv.reader(io.StringIO(text)))[1:])


def of_xlsx(content: bytes) -> Sums:
    """The same of a workbook, whose sheet of sums says the same as its lines."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for row in book.get_sheet_by_name("明细").to_python()[1:]:
        moved[str(row[1])] += Decimal(str(row[6]))
    found: Sums = {}
    for name, opening, came, went, closing in book.get_sheet_by_name("汇总").to_python()[4:]:
        assert moved[str(name)] == Decimal(str(came)) + Decimal(str(went))
        found[str(name)] = (Decimal(str(opening)), moved[str(name)], Decimal(str(closing)))
    return found


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The rows that are drawn on paper."""
    rows: list[list[str]] = []
    draw = pdf_writer._Paper.row

    def note(paper: pdf_writer._Paper, widths: list[float], texts: list[str], **more: int) -> None:
        rows.append(list(texts))
        draw(paper, widths, texts, **more)

    monkeypatch.setattr(pdf_writer._Paper, "row", note)
    return rows


def of_paper(rows: list[list[str]]) -> Sums:
    """The same of what was drawn: five cells are an account's sums, seven a line."""
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if len(row) == 7 and row[0] != "时间":
            moved[row[1]] += Decimal(row[5])
    sums = [row for row in rows if len(row) == 5 and row[0] != "账户"]
    return {row[0]: (Decimal(row[1]), moved[row[0]], Decimal(row[4])) for row in sums}


@needs_font
async def test_three_files_say_the_same_sums_and_hold_no_formula(
    desk: SalesDesk, period: Period, drawn: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PIECE_BYTES", 1_000)
    sums = expected(await summaries(period))
    assert sums["可用"][0] == Decimal("19.34")  # what matured before is the opening
    content = await made(period)
    assert of_csv(content) == sums
    assert b",=" not in content
    assert of_xlsx(await made(period, StatementFormat.XLSX)) == sums
    paper = await made(period, StatementFormat.PDF)
    assert paper.startswith(b"%PDF")
    assert of_paper(drawn) == sums
    assert await desk.owner.fetchval("select count(*) from statement_chunks") > 3
    supplier = await whole_period(desk.world, desk.world.goods.supplier_id, PartyKind.SUPPLIER)
    told = (await made(supplier)).decode()
    assert "76.00" in told
    assert "110.00" not in told and "=1+1" not in told and desk.world.shop.slug not in told


@needs_font
@pytest.mark.parametrize(("currency", "minor_in_major"), [("JPY", 1), ("KWD", 1_000)])
async def test_files_have_the_decimals_of_their_currency(
    desk: SalesDesk, drawn: list[list[str]], currency: str, minor_in_major: int
) -> None:
    for table in ("tenants", "supplier_listings"):
        await desk.owner.execute(f"update {table} set currency = $1", currency)
    await sold(desk)
    await an_hour_passes(desk.world, days=1)
    period = await whole_period(desk.world, desk.world.shop.id)

    sums = expected(await summaries(period), minor_in_major=minor_in_major)

    assert sums["待结算"][2] == Decimal(2_000 - 66) / minor_in_major
    content = await made(period)
    assert of_csv(content) == sums
    assert (b"1.934" in content, b"1934" in content) == (currency == "KWD", currency == "JPY")
    assert of_xlsx(await made(period, StatementFormat.XLSX)) == sums
    await made(period, StatementFormat.PDF)
    assert of_paper(drawn) == sums


@needs_font
async def test_paper_for_very_many_lines_has_what_each_day_made(
    period: Period, drawn: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_writer, "MOST_LINES", 2)
    await made(period, StatementFormat.PDF)
    days = [row for row in drawn if len(row) == 5 and row[0][:2] == "20"]
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for _, account, came, went, _ in days:
        moved[account] += Decimal(came) + Decimal(went)
    sums = expected(await summaries(period))
    assert moved == {name: all_of_it for name, (_, all_of_it, _) in sums.items() if all_of_it}


async def test_days_have_the_offset_that_was_asked_for(desk: SalesDesk, period: Period) -> None:
    far_east = replace(period, since=period.since.astimezone(_EAST))
    first = (await made(far_east)).decode().splitlines()[1]
    assert first.startswith(period.since.astimezone(_EAST).strftime("%Y-%m-%d %H:%M"))


async def test_a_file_whose_worker_died_is_made_by_another_and_the_first_writes_nothing(
    desk: SalesDesk, period: Period, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await ask(period)
    stopped, go_on = asyncio.Event(), asyncio.Event()
    write = making._write

    async def held_up(attempt: making.Attempt, path: Path) -> None:
        await write(attempt, path)
        if attempt.row["attempt"] == 1:
            stopped.set()
            await go_on.wait()

    monkeypatch.setattr(making, "_write", held_up)
    first = asyncio.create_task(making.make_statements())
    await stopped.wait()
    assert await making.make_statements() == 0
    assert (await files.statement_file(period.party, file.id)).state is FileState.MAKING
    await desk.world.shift_clock("9 days 3 hours")  # the worker is taken for dead
    assert await making.make_statements() == 1
    content = await content_of(period, file.id)
    go_on.set()
    assert await first == 1
    assert await content_of(period, file.id) == content
    assert of_csv(content) == expected(await summaries(period))


async def test_what_cannot_be_made_ends_and_what_does_not_add_up_is_never_kept(
    desk: SalesDesk, period: Period, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await ask(period)
    monkeypatch.setattr(making, "summaries", _a_cent_more)
    hours = 218
    for _ in range(making.MOST_ATTEMPTS):
        with pytest.raises(making.NotAddingUp):
            await making.make_statements()
        hours += 1
        await desk.world.shift_clock(f"{hours} hours")
    assert await making.make_statements() == 1
    found = await files.statement_file(period.party, file.id)
    assert (found.state, found.problem) == (FileState.FAILED, "STATEMENT_FAILED")
    assert await desk.owner.fetchval("select count(*) from statement_chunks") == 0


async def _a_cent_more(period: Period) -> list[AccountSummary]:
    accounts = await summaries(period)
    accounts[0].opening_minor += 1
    accounts[0].kinds.clear()
    return accounts


async def test_a_file_is_asked_for_once_and_five_at_a_time(desk: SalesDesk, period: Period) -> None:
    first = await ask(period, key="once")
    assert await ask(period, key="once") == first
    with pytest.raises(IdempotencyConflict):
        await ask(period, StatementFormat.XLSX, key="once")
    for _ in range(files.MOST_WAITING - 1):
        await ask(period)
    with pytest.raises(RateLimited):
        await ask(period, key="too many")
    assert await desk.owner.fetchval("select count(*) from statement_files") == files.MOST_WAITING
    supplier = await whole_period(desk.world, desk.world.goods.supplier_id, PartyKind.SUPPLIER)
    theirs = await ask(supplier)
    assert theirs.state is FileState.WAITING
    assert await files.statement_files(supplier.party, first=None) == [theirs]
    listed = await files.statement_files(period.party, first=files.MOST_WAITING)
    assert (len(listed), listed[-1]) == (files.MOST_WAITING, first), "the newest first"
    with pytest.raises(NotFound):
        await files.statement_file(supplier.party, first.id)


async def test_an_address_is_of_one_host_for_ten_minutes_and_a_file_is_kept_a_week(
    desk: SalesDesk, period: Period
) -> None:
    await made(period)
    file_id = await desk.owner.fetchval("select id from statement_files")
    shop, agent = [await shop_by_id(at.id) for at in (desk.world.shop, desk.world.agent)]
    assert shop is not None and agent is not None
    token, ends_at = await files.sign_address(shop, period.party, file_id)
    assert (await files.read_address(token, shop=shop)).file_id == file_id
    for wrong in (token[:-2], "nothing", ""):
        with pytest.raises(Forbidden):
            await files.read_address(wrong, shop=shop)
    with pytest.raises(Forbidden):
        await files.read_address(token, shop=agent)
    await desk.world.shift_clock("9 days 2 hours")
    with pytest.raises(Forbidden):
        await files.read_address(token, shop=shop)
    assert await files.forget_files() == 0
    await desk.world.shift_clock("17 days")
    assert await files.forget_files() == 1
    assert await desk.owner.fetchval("select count(*) from statement_chunks") == 0
    with pytest.raises(NotFound):
        await files.statement_file(period.party, file_id)


@needs_font
async def test_without_a_font_a_pdf_is_refused_and_says_what_to_install(
    desk: SalesDesk, period: Period, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = await ask(period, StatementFormat.PDF)
    monkeypatch.setattr(settings(), "pdf_font", str(tmp_path / "none.ttf"))
    with pytest.raises(FontMissing, match="fonts-wqy-microhei"):
        await ask(period, StatementFormat.PDF)
    assert await desk.owner.fetchval("select count(*) from statement_files") == 1
    assert await making.make_statements() == 1  # the worker's own machine has none
    found = await files.statement_file(period.party, asked.id)
    assert (found.state, found.problem) == (FileState.FAILED, "PDF_FONT_MISSING")
