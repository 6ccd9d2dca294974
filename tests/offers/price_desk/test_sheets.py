"""Price lists as files: what goes out comes back, and what strangers send stays small."""

import io
import zipfile
from datetime import UTC, datetime
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.price_desk.sheets import FileFormat, Record, read_records, write_records
from offers.price_desk.sheets.bounds import MAX_ROWS, FileRefused
from offers.price_desk.sheets.price_list import (
    COLUMNS,
    LineProblem,
    ShownSku,
    read_price_list,
    written_rows,
    written_wide_rows,
)
from offers.price_desk.sheets.rule_cells import (
    EVERYTHING,
    ListedFor,
    ListedGoods,
    ListedPlace,
    ListedRule,
)
from offers.price_desk.sheets.values import (
    CellProblem,
    UnreadableCell,
    amount_minor,
    percent_bp,
    written_amount,
    written_percent,
)
from tenants.pricing import Rounding, RuleKind

HEADING = ("sku", "title")
_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40
).map(str.strip).filter(bool)  # fmt: skip


def _workbook(sheet: str, *, shared: str = "") -> bytes:
    """A workbook of one sheet whose XML is given as it is."""
    plain = write_records(HEADING, [("a", "b")], file_format=FileFormat.XLSX)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(made, "w", 8) as new:
        for part in old.infolist():
            given_parts = {"xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": shared}
            new.writestr(part.filename, given_parts.get(part.filename) or old.read(part))
    return made.getvalue()


def _sheet(rows: str) -> str:
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{rows}</sheetData></worksheet>"
    )


@pytest.mark.parametrize("file_format", FileFormat)
@given(rows=st.lists(st.tuples(_texts, _texts), max_size=5))
def test_what_is_written_is_read_back(file_format: FileFormat, rows: list[tuple[str, str]]) -> None:
    written = write_records(HEADING, rows, file_format=file_format)
    read = read_records(written, file_format=file_format)
    assert [tuple(record.cells.values()) for record in read] == rows


@pytest.mark.parametrize("file_format", FileFormat)
@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t=", "\r=", "\uff1d", "\uff20"])
def test_no_cell_that_is_written_is_a_formula(file_format: FileFormat, beginning: str) -> None:
    evil = f"{beginning}HYPERLINK(1)"
    written = write_records(HEADING, [("a", evil)], file_format=file_format)
    if file_format is FileFormat.CSV:
        assert written.startswith(b"\xef\xbb\xbf")
        assert b",'" in written or b",\"'" in written
    else:
        with zipfile.ZipFile(io.BytesIO(written)) as archive:
            assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
            assert b"'" in archive.read("xl/sharedStrings.xml")
    assert read_records(written, file_format=file_format)[0].cells["title"].strip() == evil.strip()


def test_a_line_is_named_as_the_spreadsheet_numbers_it() -> None:
    text = b'sku,title\r\n\r\na,"two\r\nlines"\r\nb,x\r\n'
    assert [one.line for one in read_records(text, file_format=FileFormat.CSV)] == [4, 5]
    rows = '<row r="2"><c r="A2"><v>7</v></c></row><row r="5"><c r="A5"><v>8</v></c></row>'
    (only,) = read_records(_workbook(_sheet(rows)), file_format=FileFormat.XLSX)
    assert (only.line, only.cells) == (5, {"7": "8"})


def test_numbers_of_a_workbook_are_the_decimals_that_were_typed() -> None:
    rows = "".join(
        f'<row r="{line}"><c r="A{line}"><v>{number}</v></c></row>'
        for line, number in enumerate(("1", "12.34", "0.1", "0.30000000000000004", "1001"), 1)
    )
    read = read_records(_workbook(_sheet(rows)), file_format=FileFormat.XLSX)
    assert [one.cells["1"] for one in read] == ["12.34", "0.1", "0.3", "1001"]


def test_a_small_workbook_that_unpacks_to_much_is_refused() -> None:
    bomb = _workbook(_sheet("") + " " * 70_000_000)
    assert len(bomb) < 300_000
    with pytest.raises(FileRefused, match="unpacks"):
        read_records(bomb, file_format=FileFormat.XLSX)


def test_a_workbook_that_lies_about_its_size_is_not_believed() -> None:
    honest = _workbook(_sheet("") + " " * 70_000_000)
    at = honest.rindex(b"PK\x01\x02", 0, honest.rindex(b"xl/worksheets/sheet1.xml"))
    lying = honest[: at + 24] + (100).to_bytes(4, "little") + honest[at + 28 :]
    with pytest.raises(FileRefused):
        read_records(lying, file_format=FileFormat.XLSX)


@pytest.mark.parametrize("place", ["XFD1048576", "A1048576", "AZ1", "ZZZZ1", "A0x", "A99999999"])
def test_a_cell_in_a_far_corner_is_refused_before_anything_is_laid_out(place: str) -> None:
    far = _workbook(_sheet(f'<row><c r="{place}"><v>1</v></c></row>'))
    with pytest.raises(FileRefused):
        read_records(far, file_format=FileFormat.XLSX)


_CELL = "<c><v>1</v></c>"


@pytest.mark.parametrize(
    "rows",
    [
        f"<row>{_CELL * 21}</row>",
        f"<row>{_CELL}</row>" * (MAX_ROWS + 2),
        f'<row><c r="T1"/>{_CELL}</row>',
        f'<row r="{MAX_ROWS + 1}"/><row>{_CELL}</row>',
        '<row r="1"><c r="A1"/></row>' * (MAX_ROWS + 2),
        "<row>" + '<c r="A1"/>' * (20 * MAX_ROWS + 41) + "</row>",
    ],
)
def test_a_cell_without_a_place_counts_as_what_comes_next(rows: str) -> None:
    with pytest.raises(FileRefused, match="A (row|file) has"):
        read_records(_workbook(_sheet(rows)), file_format=FileFormat.XLSX)
    whole = _workbook(_sheet(f"<row>{_CELL * 20}</row>" + f"<row>{_CELL}</row>" * 3))
    with pytest.raises(FileRefused, match="same heading"):
        read_records(whole, file_format=FileFormat.XLSX)


def test_a_sheet_that_lies_elsewhere_is_measured_too() -> None:
    plain = _workbook(_sheet(f"<row>{_CELL * 21}</row>"))
    moved = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(moved, "w", 8) as new:
        for part in old.infolist():
            content = old.read(part).replace(b"worksheets/sheet1.xml", b"elsewhere.xml")
            new.writestr(part.filename.replace("worksheets/sheet1", "elsewhere"), content)
    with pytest.raises(FileRefused, match="A row has"):
        read_records(moved.getvalue(), file_format=FileFormat.XLSX)


def test_one_long_text_that_every_cell_shows_is_refused() -> None:
    shared = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>'
        f"{'x' * 1_000_000}</t></si></sst>"
    )
    cell = _sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>')
    with pytest.raises(FileRefused, match="A cell has"):
        read_records(_workbook(cell, shared=shared), file_format=FileFormat.XLSX)


def test_a_workbook_with_a_doctype_is_refused() -> None:
    evil = '<!DOCTYPE a [<!ENTITY b "c">]>' + _sheet("")
    with pytest.raises(FileRefused):
        read_records(_workbook(evil), file_format=FileFormat.XLSX)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"\n\n",
        b'"open',
        b"a,a\n1,2\n",
        b"a\n" + b"x" * 501,
        b"a\n" + b"x\n" * (MAX_ROWS + 1),
        b",".join([b"a"] * 21),
        b"a" * 10_000_001,
    ],
)
def test_a_file_out_of_bounds_is_refused(content: bytes) -> None:
    for file_format in FileFormat:
        with pytest.raises(FileRefused):
            read_records(content, file_format=file_format)


@given(minor=st.integers(0, 2**53 - 1), currency=st.sampled_from(["CNY", "JPY", "KWD"]))
def test_amounts_are_read_as_they_are_written(minor: int, currency: str) -> None:
    cells = {"price": written_amount(minor, currency=currency)}
    assert amount_minor(cells, "price", currency=currency) == minor
    assert percent_bp({"rate": written_percent(minor) + "%"}, "rate") == minor


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", CellProblem.MISSING),
        ("twelve", CellProblem.NOT_A_NUMBER),
        ("NaN", CellProblem.NOT_A_NUMBER),
        ("Infinity", CellProblem.NOT_A_NUMBER),
        ("12.345", CellProblem.TOO_PRECISE),
        ("1e999999", CellProblem.OUT_OF_RANGE),
        ("9" * 31, CellProblem.OUT_OF_RANGE),
    ],
)
def test_an_amount_that_is_none_says_why(text: str, problem: CellProblem) -> None:
    with pytest.raises(UnreadableCell) as found:
        amount_minor({"price": text}, "price", currency="CNY")
    assert found.value.code is problem


@pytest.mark.parametrize(
    ("cells", "column", "problem"),
    [
        ({"for": "FRIENDS"}, "for", CellProblem.UNKNOWN_WORD),
        ({"for": "GRADE"}, "whom", CellProblem.MISSING),
        ({"whom": "gold"}, "whom", CellProblem.NOT_ALLOWED),
        ({"from_quantity": "0"}, "from_quantity", CellProblem.OUT_OF_RANGE),
        ({"from_quantity": "501"}, "from_quantity", CellProblem.OUT_OF_RANGE),
        ({"from_quantity": "1.5"}, "from_quantity", CellProblem.TOO_PRECISE),
        ({"starts": "soon"}, "starts", CellProblem.NOT_A_TIME),
        ({"starts": "2030-01-01 00:00:00"}, "starts", CellProblem.NO_ZONE),
        ({"starts": "0001-01-01T00:00:00+14:00"}, "starts", CellProblem.NOT_A_TIME),
        ({"starts": "2030-01-01T00:00Z", "ends": "2030-01-01T08:00+08:00"}, "ends",
         CellProblem.OUT_OF_RANGE),
        ({"for": "CHILDREN", "visible": "no"}, "visible", CellProblem.NOT_ALLOWED),
        ({"from_quantity": "5", "title": "x"}, "title", CellProblem.NOT_ALLOWED),
        ({"from_quantity": "5", "position": "1"}, "position", CellProblem.NOT_ALLOWED),
        ({"position": "1000001"}, "position", CellProblem.OUT_OF_RANGE),
        ({"position": "-1"}, "position", CellProblem.OUT_OF_RANGE),
        ({"rule": "PERCENT_OF_FACE", "value": "0"}, "value", CellProblem.OUT_OF_RANGE),
        ({"category": "games"}, "category", CellProblem.NOT_ALLOWED),
        ({"sku": ""}, "sku", CellProblem.MISSING),
        ({"for": "CUSTOMER"}, "whom", CellProblem.MISSING),
        ({"sku": "", "category": "*"}, "rule", CellProblem.NOT_ALLOWED),
        ({"sku": "", "category": "games", "from_quantity": "2"}, "from_quantity",
         CellProblem.NOT_ALLOWED),
        ({"sku": "", "category": "*", "rule": "PASS_THROUGH", "title": "x"}, "title",
         CellProblem.NOT_ALLOWED),
    ],
)  # fmt: skip
def test_a_row_that_asks_for_what_cannot_be_says_in_which_cell(
    cells: dict[str, str], column: str, problem: CellProblem
) -> None:
    full = {"sku": "moon", "rule": "ABSOLUTE", "value": "1", **cells}
    lines, problems = read_price_list([Record(2, full)], currency="CNY")
    assert (lines, problems) == ([], [LineProblem(2, column, problem)])


_moments = st.integers(0, 2_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))
_slugs = st.text("abcxyz-019", min_size=1, max_size=20).map(lambda text: f"a{text}")


@st.composite
def _listed(draw: st.DrawFn, *, wide: bool) -> tuple[ListedPlace, ListedRule]:
    """A rule in a place; with `wide` one that a category may have."""
    listed_for = draw(st.sampled_from(ListedFor))
    starts_at = draw(st.none() | _moments)
    later = _moments if starts_at is None else st.just(datetime(2091, 1, 1, tzinfo=UTC))
    kind = draw(st.sampled_from([k for k in RuleKind if not (wide and k is RuleKind.ABSOLUTE)]))
    whom = draw(_texts) if listed_for.is_named else ""
    value = 0 if kind is RuleKind.PASS_THROUGH else draw(st.integers(1, 10**12))
    return (
        ListedPlace(listed_for, whom, 1 if wide else draw(st.integers(1, 500)), starts_at),
        ListedRule(
            kind,
            value,
            draw(st.sampled_from(Rounding)),
            draw(st.sampled_from([1, 10, 100, 1000])),
            draw(st.none() | later),
        ),
    )


@given(
    of_sku=st.lists(_listed(wide=False), max_size=4),
    wide=st.dictionaries(
        st.just(EVERYTHING) | _slugs, st.lists(_listed(wide=True), min_size=1, max_size=3)
    ),
    file_format=st.sampled_from(FileFormat),
)
def test_all_rules_of_a_shop_are_read_as_they_are_written(
    of_sku: list[tuple[ListedPlace, ListedRule]],
    wide: dict[str, list[tuple[ListedPlace, ListedRule]]],
    file_format: FileFormat,
) -> None:
    rules = {ListedGoods("moon"): dict(of_sku)}
    rules |= {ListedGoods(category=name): dict(listed) for name, listed in wide.items()}
    sku = ShownSku("moon", "月卡", 9_000, None, True, "", 7, rules[ListedGoods("moon")])
    rows = [
        row
        for goods, listed in rules.items()
        if goods.category
        for row in written_wide_rows(goods.category, listed, currency="CNY")
    ]
    rows += written_rows(sku, currency="CNY")
    content = write_records(COLUMNS, rows, file_format=file_format)
    lines, problems = read_price_list(
        read_records(content, file_format=file_format), currency="CNY"
    )
    read: dict[ListedGoods, dict[ListedPlace, ListedRule]] = {goods: {} for goods in rules}
    for line in lines:
        if line.rule is not None:
            read[line.goods][line.place] = line.rule
    assert (problems, read) == ([], rules)


def test_a_rule_of_every_place_is_read_as_it_is_written() -> None:
    since, until = (datetime(2030, 1, day, 1, 2, 3, 456, tzinfo=UTC) for day in (1, 2))
    places = [
        ListedPlace(listed_for, "gold" if listed_for.is_named else "", quantity, starts_at)
        for listed_for in ListedFor
        for quantity in (1, 500)
        for starts_at in (None, since)
    ]
    rules = {
        place: ListedRule(kind, 0 if kind is RuleKind.PASS_THROUGH else 1_234, rounding, 10, until)
        for place, kind, rounding in zip(places, cycle(RuleKind), cycle(Rounding), strict=False)
    }
    sku = ShownSku("moon", "月卡", 9_000, None, True, "", 7, rules)
    content = write_records(COLUMNS, written_rows(sku, currency="CNY"), file_format=FileFormat.CSV)
    lines, problems = read_price_list(
        read_records(content, file_format=FileFormat.CSV), currency="CNY"
    )
    assert (problems, {line.place: line.rule for line in lines}) == ([], rules)
