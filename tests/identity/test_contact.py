"""One spelling per address, and ciphertext that only its own row can open."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.contact import (
    ContactKind,
    normalised_email,
    normalised_phone,
    open_contact,
    open_field,
    recognised,
    seal_contact,
    seal_field,
)
from kernel.crypto import CannotDecrypt
from kernel.errors import Invalid
from kernel.ids import new_id


@pytest.mark.parametrize(
    "written", ["ada@example.com", " Ada@Example.COM ", "ＡＤＡ@example.com", "ada＠example.com"]
)
def test_an_e_mail_address_has_one_spelling(written: str) -> None:
    assert normalised_email(written) == "ada@example.com"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "a da@example.com",
        "ada@example..com",
        "ada@example.com\nbcc: eve@example.com",
        "ada\x00@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 250 + ".com",
    ],
)
def test_what_cannot_be_an_e_mail_address_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalised_email(written)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        "138 0013 8000",
        "+86 138-0013-8000",
        "0086 13800138000",
        "１３８００１３８０００",
    ],
)
def test_a_chinese_phone_number_has_one_spelling(written: str) -> None:
    assert normalised_phone(written) == "+8613800138000"


def test_a_phone_number_of_another_country_keeps_its_code() -> None:
    assert normalised_phone("+44 20 7946 0958") == "+442079460958"


@pytest.mark.parametrize(
    "written", ["", "12", "hello", "+999 1234567", "9" * 500, "138001380001234"]
)
def test_what_cannot_be_a_phone_number_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalised_phone(written)
    assert refused.value.field == "phone"


def test_an_account_is_recognised_as_e_mail_or_phone() -> None:
    assert recognised("Ada@example.com") == (ContactKind.EMAIL, "ada@example.com")
    assert recognised("138 0013 8000") == (ContactKind.PHONE, "+8613800138000")


@given(st.text(max_size=60))
def test_any_text_is_an_account_or_is_refused_and_normalising_twice_changes_nothing(
    written: str,
) -> None:
    try:
        recognised_first = recognised(written)
    except Invalid:
        return
    assert recognised(recognised_first[1]) == recognised_first


def test_a_contact_is_opened_by_the_row_it_was_sealed_for() -> None:
    order_id = new_id()
    sealed = seal_contact("QQ 12345678", bound_to=order_id)
    assert b"12345678" not in sealed.ciphertext
    assert open_contact(sealed, bound_to=order_id) == "QQ 12345678"


def test_a_contact_moved_to_another_row_or_column_or_damaged_cannot_be_opened() -> None:
    order_id = new_id()
    sealed = seal_contact("ada@example.com", bound_to=order_id)
    damaged = dataclasses.replace(sealed, ciphertext=sealed.ciphertext[:-1] + b"\x00")
    with pytest.raises(CannotDecrypt):
        open_contact(sealed, bound_to=new_id())
    with pytest.raises(CannotDecrypt):
        open_field(sealed, row_id=order_id, column="customers.email")
    with pytest.raises(CannotDecrypt):
        open_contact(damaged, bound_to=order_id)


def test_the_same_text_is_never_the_same_ciphertext() -> None:
    row_id = new_id()
    sealed = {seal_field("x", row_id=row_id, column="a.b").ciphertext for _ in range(50)}
    assert len(sealed) == 50


@pytest.mark.parametrize("text", ["", "   ", "x" * 201, "a\nb", "a\x00b"])
def test_a_contact_that_is_empty_too_long_or_not_printable_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        seal_contact(text, bound_to=new_id())
    assert refused.value.field == "contact"
