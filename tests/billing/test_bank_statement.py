"""A bank's statement is read as a whole, or refused as a whole; its postings by their numbers."""

from collections.abc import Sequence

import pytest

from billing import accounts
from billing.bank import statement
from billing.bank.naming import named_in, own_id
from billing.bank.own_accounts import _accounts
from billing.bank.references import reference_of, references_in
from billing.bank.statement import read_statement
from billing.ledger import Entry
from billing.postings import bank as postings
from kernel.errors import Invalid
from kernel.ids import new_id, public_id

HEADER = "id,date,amount,currency,name,account,message\n"
GOOD = "b-1,2026-07-01,105.00,CNY,买家,6222 0000,thanks\n"


def book(entries: Sequence[Entry]) -> dict[str, int]:
    assert sum(entry.amount_minor for entry in entries) == 0
    return {entry.account.code: entry.amount_minor for entry in entries}


def test_lines_are_read_in_minor_units_of_their_currency() -> None:
    text = f"{HEADER}{GOOD}b-2,2026-07-02,-3,JPY,,,\n\nb-2,2026-07-02,1.5,KWD,=x,,\n"

    lines, problems = read_statement(("\ufeff" + text).encode())

    assert problems == []
    assert lines[0].name == "买家"
    assert [(line.bank_id, line.amount_minor, line.currency) for line in lines] == [
        ("b-1", 10_500, "CNY"),
        ("b-2", -3, "JPY"),
        ("b-2", 1_500, "KWD"),
    ]


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (",2026-07-01,1,CNY,,,", "id", "MISSING"),
        (f"{'b' * 65},2026-07-01,1,CNY,,,", "id", "TOO_LONG"),
        ("b-1,2026-07-01,1,CNY,,,", "id", "TWICE"),
        ("b-2,01.07.2026,1,CNY,,,", "date", "NOT_A_DATE"),
        ("b-2,2026-07-01,1.005,CNY,,,", "amount", "NOT_AN_AMOUNT"),
        ("b-2,2026-07-01,0.00,CNY,,,", "amount", "NOT_AN_AMOUNT"),
        ("b-2,2026-07-01,1e3,CNY,,,", "amount", "NOT_AN_AMOUNT"),
        ("b-2,2026-07-01,99999999999999,CNY,,,", "amount", "NOT_AN_AMOUNT"),
        ("b-2,2026-07-01,1,XXX,,,", "currency", "UNKNOWN_CURRENCY"),
        ("b-2,2026-07-01,1,CNY,,,a\x00b", "message", "NOT_PLAIN"),
        ("b-2", "date", "NOT_A_DATE"),
    ],
)
def test_what_is_wrong_with_a_line_has_its_place_and_its_code(
    row: str, column: str, code: str
) -> None:
    _, problems = read_statement(f"{HEADER}{GOOD}{row}\n".encode())

    assert [(one.line, one.column, one.code) for one in problems] == [(3, column, code)]


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"\xff\xfe\x00", f'{HEADER}"x'.encode()])
def test_what_is_no_statement_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        read_statement(content)


def test_a_statement_has_a_most_of_lines_and_of_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    _, problems = read_statement((HEADER + "x\n" * 30).encode())
    assert len(problems) == statement.PROBLEMS_SHOWN

    monkeypatch.setattr(statement, "MOST_LINES", 2)
    with pytest.raises(Invalid):
        read_statement((HEADER + "x\n" * 3).encode())


def test_money_by_bank_is_posted_by_its_numbers() -> None:
    assert book(postings.arrived(currency="CNY", amount_minor=10_500)) == {
        "A:BANK": 10_500,
        "L:UNAPPLIED:BANK": -10_500,
    }
    wallet = accounts.wallet(new_id(), "CNY")
    assert book(postings.credited(balance=wallet, amount_minor=500)) == {
        "L:UNAPPLIED:BANK": 500,
        "L:WALLET": -500,
    }
    assert book(postings.owed_back(currency="CNY", amount_minor=500)) == {
        "L:UNAPPLIED:BANK": 500,
        "L:REFUND_DUE": -500,
    }
    from_bank = accounts.paid_from("bank", "CNY")
    assert book(postings.paid_back(paid_from=from_bank, amount_minor=500)) == {
        "L:REFUND_DUE": 500,
        "A:BANK": -500,
    }
    assert accounts.paid_from("stripe", "CNY").code == "A:GATEWAY:STRIPE"


def test_a_reference_is_its_payments_and_stands_in_a_message() -> None:
    payment_id = new_id()

    assert reference_of(payment_id) == reference_of(payment_id) != reference_of(new_id())
    assert reference_of(payment_id) in list(references_in(f"pay {reference_of(payment_id)}"))


@pytest.mark.parametrize(
    ("written", "is_found"),
    [
        ("kameng {}", True),
        ("KAMENG {upper}", True),
        ("/ROC/KAMENG {half} {rest} {half} {rest}//", True),
        ("{dashed}", True),
        ("{} and {other}", False),
        ("pay_{letters}", False),
        ("{short}", False),
    ],
)
def test_a_transfer_names_what_of_ours_it_is_for_however_a_bank_writes_it(
    written: str, is_found: bool
) -> None:
    identifier = new_id()
    name = public_id("pyt", identifier)
    spelled = written.format(
        name,
        upper=name.upper(),
        half=name[:17],
        rest=name[17:],
        dashed=name.replace("_", "-"),
        other=public_id("ref", new_id()),
        letters=name[4:],
        short=name[:-1],
    )
    assert (named_in(spelled) == name) is is_found
    assert own_id(name) == identifier
    assert own_id(None) is own_id("pyb_1") is None


def test_the_platforms_accounts_are_read_from_the_settings() -> None:
    known = _accounts("CNY=Kameng|Bank of Demo|6222 0001; EUR=Kameng|Bank|DE00")

    assert (known["CNY"].number, known["EUR"].holder) == ("6222 0001", "Kameng")
    assert _accounts("") == {}
    with pytest.raises(ValueError, match="CNY=holder"):
        _accounts("CNY=Kameng")
