"""The buyer's keys as a file that is pasted or opened, and never computed."""

import csv
import io
from datetime import UTC, datetime

import pytest

from kernel.ids import new_id
from orders.export import as_csv, as_text, safe_cell
from orders.reveal import RevealedKey


def a_key(secret: str, *, name: str = "原神 月卡", expires: bool = False) -> RevealedKey:
    return RevealedKey(
        id=new_id(),
        line_id=new_id(),
        name_zh=name,
        name_en="Moon",
        serial="S1",
        secret=secret,
        salt_hex="00",
        commitment_hex="ff",
        expires_at=datetime(2027, 1, 2, tzinfo=UTC) if expires else None,
        revealed_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def test_a_text_file_is_one_key_a_line_and_nothing_else() -> None:
    assert as_text([a_key("A-1"), a_key("=B")]) == "A-1\n=B\n"
    assert as_text([]) == ""


def test_a_table_reads_back_as_it_was_written() -> None:
    text = as_csv([a_key('A"1,2\n3', expires=True), a_key("B")])
    assert text.startswith("\ufeff"), "spreadsheets read UTF-8 only so"
    header, first, second = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert header == ["product", "serial", "key", "expires_at", "commitment", "salt"]
    assert first[:4] == ["原神 月卡", "S1", 'A"1,2\n3', "2027-01-02T00:00:00+00:00"]
    assert second[2:4] == ["B", ""]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\uff1d"])
def test_no_cell_is_a_formula(start: str) -> None:
    formula = f"{start}HYPERLINK(1)"
    assert safe_cell(formula) == f"'{formula}"
    for key in (a_key(formula), a_key("A", name=formula)):
        cells = [cell for row in csv.reader(io.StringIO(as_csv([key]), newline="")) for cell in row]
        assert not [cell for cell in cells if cell.startswith(start)]


def test_an_innocent_cell_stays_as_it_is() -> None:
    assert safe_cell("AB-12=") == "AB-12="
    assert safe_cell("") == ""
