"""The bank's file, byte for byte, and the numbers that may stand in it."""

import pytest

from billing.payouts.bank_file import BankLine, bank_file
from billing.payouts.bank_numbers import BankAccount
from kernel.errors import Invalid


def test_a_file_has_a_line_for_each_payout_and_their_sum() -> None:
    lines = [
        BankLine("pyt_1", "王小明", "6222021234567890", "中国工商银行", 49_800, "CNY"),
        BankLine("pyt_2", 'Li "Lee", Ltd', "GB33BUKB20201555555555", "Barclays", 105, "CNY"),
    ]

    assert bank_file(lines).decode("utf-8-sig").split("\r\n") == [
        "payout,holder,number,bank,amount,currency,reference",
        "pyt_1,王小明,6222021234567890,中国工商银行,498.00,CNY,kameng pyt_1",
        'pyt_2,"Li ""Lee"", Ltd",GB33BUKB20201555555555,Barclays,1.05,CNY,kameng pyt_2',
        "TOTAL,,,,499.05,CNY,2",
        "",
    ]
    assert bank_file(lines) == bank_file(list(lines)), "the same payouts make the same bytes"


@pytest.mark.parametrize(
    ("minor", "currency", "written"), [(500, "JPY", "500"), (1_234, "KWD", "1.234")]
)
def test_amounts_have_the_decimals_of_their_currency(
    minor: int, currency: str, written: str
) -> None:
    (_, line, *_) = bank_file([BankLine("pyt_1", "A", "12345678", "B", minor, currency)]).split(
        b"\r\n"
    )
    assert line.split(b",")[4] == written.encode()


def test_a_number_has_one_spelling() -> None:
    for number in (
        "6222 0212 3456 7890",
        "6222-0212-3456-7890",
        "６２２２０２１２３４５６７８９０",
    ):
        assert BankAccount.written(holder=" 王 ", number=number, bank="B") == BankAccount(
            "王", "6222021234567890", "B"
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "1234567"),
        ("number", "9" * 35),
        ("number", "12345678; drop"),
        ("number", ""),
        ("holder", ""),
        ("holder", "x" * 81),
        ("holder", '=HYPERLINK("//evil")'),
        ("holder", "@sum"),
        ("holder", "a\nb"),
        ("bank", " "),
        ("bank", "-1+1"),
    ],
)
def test_what_no_bank_would_take_is_refused_by_its_field(field: str, value: str) -> None:
    right = {"holder": "王小明", "number": "6222021234567890", "bank": "B"}
    with pytest.raises(Invalid) as refused:
        BankAccount.written(**{**right, field: value})
    assert refused.value.field == field
