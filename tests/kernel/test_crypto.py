"""Secrets: what is sealed for one row opens for no other, and what is signed has one spelling."""

import base64
import hashlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import crypto
from kernel.crypto import CannotDecrypt, Keyring, Sealed
from kernel.settings import Settings, settings

OLD_KEY, NEW_KEY = b"o" * 32, b"n" * 32
SECRET = "ABCD-EFGH-1234-5678"


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def settings_with(*, keys: str = "", master: str = "one master secret") -> Settings:
    return Settings.model_validate({"key_encryption_keys": keys, "master_secret": master})


@pytest.fixture(autouse=True, scope="module")
def _own_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


# --- encryption at rest


def test_what_is_sealed_for_a_row_opens_for_that_row() -> None:
    ring = Keyring({1: OLD_KEY})
    sealed = ring.seal(b"plain", bound_to=b"row 1")
    assert ring.unseal(sealed, bound_to=b"row 1") == b"plain"
    assert b"plain" not in sealed.ciphertext


def test_a_ciphertext_that_was_moved_to_another_row_does_not_open() -> None:
    ring = Keyring({1: OLD_KEY})
    sealed = ring.seal(b"plain", bound_to=b"row 1")
    with pytest.raises(CannotDecrypt):
        ring.unseal(sealed, bound_to=b"row 2")


def test_a_ciphertext_with_any_byte_changed_or_cut_off_does_not_open() -> None:
    ring = Keyring({1: OLD_KEY})
    whole = ring.seal(b"plain", bound_to=b"row").ciphertext
    changed = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    cut = [whole[:length] for length in range(len(whole))]
    for damaged in changed + cut:
        with pytest.raises(CannotDecrypt):
            ring.unseal(Sealed(1, damaged), bound_to=b"row")


def test_the_same_plaintext_never_has_the_same_ciphertext_twice() -> None:
    ring = Keyring({1: OLD_KEY})
    ciphertexts = {ring.seal(b"plain", bound_to=b"row").ciphertext for _ in range(1_000)}
    assert len(ciphertexts) == 1_000


def test_the_newest_key_seals_and_the_older_still_opens() -> None:
    before = crypto.keyring(settings_with(keys=f"1:{encoded(OLD_KEY)}"))
    after = crypto.keyring(settings_with(keys=f"1:{encoded(OLD_KEY)}, 2:{encoded(NEW_KEY)}"))
    sealed_before = before.seal(b"plain", bound_to=b"row")
    assert after.unseal(sealed_before, bound_to=b"row") == b"plain"
    sealed_after = after.seal(b"plain", bound_to=b"row")
    assert (sealed_before.key_id, sealed_after.key_id) == (1, 2)
    with pytest.raises(CannotDecrypt):
        before.unseal(sealed_after, bound_to=b"row")


def test_without_keys_of_its_own_the_keyring_is_derived_from_the_master_secret() -> None:
    one, same, other = (
        crypto.keyring(settings_with(master=master)) for master in ("one", "one", "other")
    )
    sealed = one.seal(b"plain", bound_to=b"row")
    assert same.unseal(sealed, bound_to=b"row") == b"plain"
    with pytest.raises(CannotDecrypt):
        other.unseal(sealed, bound_to=b"row")


@pytest.mark.parametrize(
    "keys",
    [
        "1",
        "one:" + encoded(OLD_KEY),
        "1:not base64!",
        "1:" + encoded(b"too short"),
        "1:" + encoded(b"x" * 33),
        "0:" + encoded(OLD_KEY),
        "32768:" + encoded(OLD_KEY),
        f"2:{encoded(OLD_KEY)},1:{encoded(NEW_KEY)}",
        f"1:{encoded(OLD_KEY)},1:{encoded(NEW_KEY)}",
        f"1:{encoded(OLD_KEY)},",
    ],
)
def test_a_malformed_keyring_is_refused_without_showing_a_key(keys: str) -> None:
    with pytest.raises(ValueError, match="encryption key") as refused:
        crypto.keyring(settings_with(keys=keys))
    assert encoded(OLD_KEY) not in str(refused.value)
    assert encoded(NEW_KEY) not in str(refused.value)


# --- derived keys


def test_every_purpose_and_every_master_secret_has_a_key_of_its_own() -> None:
    derived = {
        crypto.derive(purpose, settings_with(master=master))
        for purpose in ("row-encryption", "key-fingerprint", "blind-index", "database-roles")
        for master in ("one", "other")
    }
    assert len(derived) == 8
    assert {len(key) for key in derived} == {32}


def test_the_roles_password_is_the_set_one_or_a_derived_one() -> None:
    given_password = Settings.model_validate({"role_password": "given"})
    assert crypto.role_password(given_password) == "given"
    one, other = (crypto.role_password(settings_with(master=m)) for m in ("one", "other"))
    assert one != other
    assert len(one) == 64


# --- fingerprints and indexes


@pytest.mark.parametrize(
    "variant",
    [
        SECRET.lower(),
        f"  {SECRET}\t\r\n",
        "ABCD -EFGH- 1234\u00a0-5678",
        "\u3000ＡＢＣＤ－ＥＦＧＨ－１２３４－５６７８",
    ],
)
def test_case_space_and_width_do_not_make_another_key(variant: str) -> None:
    assert crypto.fingerprint(variant) == crypto.fingerprint(SECRET)


@given(
    st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-", min_size=1),
    st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-", min_size=1),
)
def test_two_keys_have_the_same_fingerprint_only_if_they_are_the_same(one: str, two: str) -> None:
    assert (crypto.fingerprint(one) == crypto.fingerprint(two)) == (one == two)


def test_a_fingerprint_cannot_be_computed_without_the_platforms_secret() -> None:
    folded = SECRET.casefold().encode()
    assert crypto.fingerprint(SECRET) != hashlib.sha256(folded).digest()
    assert len(crypto.fingerprint(SECRET)) == 32


def test_a_blind_index_finds_an_address_however_it_is_written() -> None:
    assert crypto.blind_index("email", " Li@Example.com") == crypto.blind_index(
        "email", "li@example.com"
    )
    assert crypto.blind_index("email", "13800000000") != crypto.blind_index("phone", "13800000000")


@given(st.text(st.characters()))
def test_any_text_that_json_can_carry_can_be_hashed(text: str) -> None:
    assert len(crypto.fingerprint(text)) == len(crypto.blind_index("email", text)) == 32
    assert len(crypto.fingerprint(text + "\ud800")) == 32


def test_a_commitment_is_the_plain_sha256_that_a_buyer_can_recompute() -> None:
    salt = os.urandom(16)
    assert (
        crypto.commitment(salt=salt, secret="卡-1")
        == hashlib.sha256(salt + "卡-1".encode()).digest()
    )


# --- tokens and signatures


def test_a_token_names_its_kind_and_is_never_given_twice() -> None:
    tokens = {crypto.new_token("ses") for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert all(token.startswith("ses_") and len(token) == 4 + 27 for token in tokens)
    assert len({crypto.token_hash(token) for token in tokens}) == 1_000


@given(st.binary(max_size=200))
def test_what_was_signed_is_taken_back_for_its_purpose_only(payload: bytes) -> None:
    text = crypto.sign("quote", payload)
    assert crypto.unsign("quote", text) == payload
    assert crypto.unsign("invite", text) is None


@given(st.binary(min_size=1, max_size=20), st.data())
def test_a_signed_text_with_any_letter_changed_is_not_taken_back(
    payload: bytes, data: st.DataObject
) -> None:
    text = crypto.sign("quote", payload)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_+/=. ").filter(lambda each: each != text[at]))
    assert crypto.unsign("quote", text[:at] + letter + text[at + 1 :]) is None


def test_a_signed_text_has_one_spelling_only() -> None:
    payload = b"\xfb\xff\xfe"  # `-__-` in base64url, `+//+` in plain base64
    text = crypto.sign("quote", payload)
    assert text.startswith("-__-.")
    spellings = [
        text.replace("-__-", "+//+", 1),
        text + "=",
        text + " ",
        " " + text,
        text.replace(".", "=."),
        text + ".",
    ]
    assert [crypto.unsign("quote", spelling) for spelling in spellings] == [None] * 6


def test_the_spare_bits_of_the_last_letter_cannot_be_used() -> None:
    body, _, tag = crypto.sign("quote", b"\x00").partition(".")
    assert body == "AA"
    assert crypto.unsign("quote", f"AB.{tag}") is None


@given(st.text(max_size=100))
def test_no_text_makes_unsign_fail(text: str) -> None:
    assert crypto.unsign("quote", text) is None
