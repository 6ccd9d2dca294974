"""One line of an import: what is a key, what is not, and what is read into which column."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supply.importing.lines import (
    MAX_SECRET_CHARS,
    MAX_SERIAL_CHARS,
    KeyLine,
    Malformed,
    NoSecretColumn,
    csv_parser,
    parse_line,
    parse_text_line,
)
from supply.position import NEVER_EXPIRES_DAY, pool_position

CSV = csv_parser("serial,secret,expires_at")


# --- TXT


@pytest.mark.parametrize(
    ("line", "serial", "secret"),
    [
        ("ABCD-1234", "", "ABCD-1234"),
        ("SN1\tABCD-1234", "SN1", "ABCD-1234"),
        ("SN1----ABCD-1234", "SN1", "ABCD-1234"),
        ("SN1,ABCD-1234", "SN1", "ABCD-1234"),
        ("\tABCD,12----34", "", "ABCD,12----34"),
        ("SN,1----ABCD,1234", "SN,1", "ABCD,1234"),
        ("SN1----ABCD----1234", "SN1", "ABCD----1234"),
        ("ＳＮ１----ＡＢＣＤ－１２３４", "SN1", "ABCD-1234"),
        ("AB CD 1234", "", "AB CD 1234"),
    ],
)
def test_a_text_line_is_cut_by_one_rule(line: str, serial: str, secret: str) -> None:
    assert parse_text_line(line) == KeyLine(secret, serial, None)


@pytest.mark.parametrize(
    "line",
    [
        "ABC",
        "A" * (MAX_SECRET_CHARS + 1),
        "S" * (MAX_SERIAL_CHARS + 1) + "\tABCD-1234",
        "ABCD\u200b1234",
        "ABCD\x001234",
        "ABCD\x1b[31m1234",
        "ABCD\u202e1234",
        "ABCD\ufeff1234",
        "SN\x07\tABCD-1234",
        "SN1----",
        "ABCD-1234\t",
        ",",
    ],
)
def test_a_line_that_cannot_be_a_key_is_malformed(line: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_text_line(line)
    assert not str(refused.value)


@pytest.mark.parametrize("raw", [b"", b"   ", b"\t \t", "\u3000".encode()])
def test_a_blank_line_is_nothing_at_all(raw: bytes) -> None:
    assert parse_line(raw, encoding="utf-8", parse=parse_text_line) is None


@pytest.mark.parametrize("raw", [None, b"ABCD\xff1234"])
def test_a_line_too_long_or_not_text_is_malformed(raw: bytes | None) -> None:
    with pytest.raises(Malformed):
        parse_line(raw, encoding="utf-8", parse=parse_text_line)


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "gb18030"]), st.booleans())
def test_no_bytes_make_the_reader_fail_otherwise(raw: bytes, encoding: str, as_csv: bool) -> None:
    try:
        line = parse_line(raw, encoding=encoding, parse=CSV if as_csv else parse_text_line)
    except Malformed:
        return
    assert line is None or (line.secret.isprintable() and 4 <= len(line.secret))


def test_a_secret_does_not_show_in_the_line_that_was_read() -> None:
    assert "ABCD" not in repr(parse_text_line("SN1\tABCD-1234"))


# --- CSV


def test_csv_columns_stand_in_any_order_and_others_are_ignored() -> None:
    parse = csv_parser(' Note ,EXPIRES_AT,"secret",Serial')
    line = parse('"a, b",2030-01-31,"AB,CD ""12""",SN1')
    assert (line.secret, line.serial) == ('AB,CD "12"', "SN1")
    assert line.expires_at == datetime(2030, 1, 31, 15, 59, 59, 999_999, UTC)
    assert parse(",,ABCD-1234") == KeyLine("ABCD-1234", "", None)


@pytest.mark.parametrize(
    "header", ["", "serial", "secret,secret", "secret,serial,Serial", '"secret', "secrets"]
)
def test_a_csv_header_without_one_secret_column_is_refused(header: str) -> None:
    with pytest.raises(NoSecretColumn):
        csv_parser(header)


@pytest.mark.parametrize(
    "line",
    [
        "SN1,AB,2030-01-31",
        "SN1",
        "SN1,ABCD-1234,2030-01-31,more",
        'SN1,"ABCD-1234',
        'SN1,"ABCD"-1234,',
        "SN1,ABCD-1234,tomorrow",
        "SN1,ABCD-1234,2030-02-30",
        "SN1,ABCD-1234,31/01/2030",
        "SN1,ABCD-1234,0001-01-01T00:00:00+08:00",
    ],
)
def test_a_malformed_csv_line_is_refused(line: str) -> None:
    with pytest.raises(Malformed):
        CSV(line)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-31", datetime(2030, 1, 31, 15, 59, 59, 999_999, UTC)),
        ("2030-01-31 08:00", datetime(2030, 1, 31, tzinfo=UTC)),
        ("2030-01-31T08:00:00Z", datetime(2030, 1, 31, 8, tzinfo=UTC)),
        (
            "2030-01-31T08:00:00-05:00",
            datetime(2030, 1, 31, 8, tzinfo=timezone(timedelta(hours=-5))),
        ),
        ("9999-12-31", datetime(9999, 12, 31, 15, 59, 59, 999_999, UTC)),
        ("", None),
        ("  ", None),
    ],
)
def test_a_date_lasts_to_its_end_in_beijing(text: str, moment: datetime | None) -> None:
    assert CSV(f"SN1,ABCD-1234,{text}").expires_at == moment


# --- the place in the pool

days = st.none() | st.integers(0, NEVER_EXPIRES_DAY - 1)
sequences = st.integers(0, (1 << 40) - 1)


@given(days, sequences, days, sequences)
def test_the_pool_goes_by_day_of_expiry_and_then_by_arrival(
    one_day: int | None, one: int, other_day: int | None, other: int
) -> None:
    def order(day: int | None, sequence: int) -> tuple[bool, int, int]:
        return day is None, day or 0, sequence

    one_position = pool_position(expires_on_days=one_day, sequence=one)
    other_position = pool_position(expires_on_days=other_day, sequence=other)
    assert (one_position < other_position) == (order(one_day, one) < order(other_day, other))
    assert 0 <= one_position < 1 << 63


@pytest.mark.parametrize(
    ("day", "sequence"), [(-1, 0), (NEVER_EXPIRES_DAY + 1, 0), (0, -1), (0, 1 << 40)]
)
def test_a_position_outside_its_bounds_is_refused(day: int, sequence: int) -> None:
    with pytest.raises(ValueError, match="is within 0|at most 40 bits"):
        pool_position(expires_on_days=day, sequence=sequence)
