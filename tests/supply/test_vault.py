"""The vault: a secret opens in its own row only, and its commitment binds the seller."""

import base64
from collections.abc import Callable
from uuid import UUID

import pytest

from kernel import crypto
from kernel.crypto import CannotDecrypt
from kernel.ids import new_id
from kernel.settings import Settings, settings
from supply.vault import OpenedKey, SealedKey, open_key, seal_key, verify_commitment

SECRET = "卡密-ABCD-1234"


def opened(sealed: SealedKey, *, key_id: UUID, listing_id: UUID) -> OpenedKey:
    return open_key(
        key_id=key_id,
        supplier_listing_id=listing_id,
        secret=sealed.secret,
        secret_key_id=sealed.secret_key_id,
    )


def test_a_sealed_key_opens_in_its_own_row(config: Settings) -> None:
    key_id, listing_id = new_id(), new_id()
    sealed = seal_key(key_id=key_id, supplier_listing_id=listing_id, secret=SECRET)
    assert opened(sealed, key_id=key_id, listing_id=listing_id).secret == SECRET
    assert SECRET.encode() not in sealed.secret
    assert sealed.fingerprint == crypto.fingerprint(SECRET)


def test_a_ciphertext_swapped_into_another_row_or_listing_does_not_open(config: Settings) -> None:
    key_id, listing_id = new_id(), new_id()
    sealed = seal_key(key_id=key_id, supplier_listing_id=listing_id, secret=SECRET)
    with pytest.raises(CannotDecrypt):
        opened(sealed, key_id=new_id(), listing_id=listing_id)
    with pytest.raises(CannotDecrypt):
        opened(sealed, key_id=key_id, listing_id=new_id())


def test_the_commitment_holds_for_the_revealed_secret_and_for_no_other(config: Settings) -> None:
    key_id, listing_id = new_id(), new_id()
    sealed = seal_key(key_id=key_id, supplier_listing_id=listing_id, secret=SECRET)
    salt_hex = opened(sealed, key_id=key_id, listing_id=listing_id).salt_hex
    assert verify_commitment(secret=SECRET, salt_hex=salt_hex, commitment=sealed.commitment)

    def holds(secret: str, salt: str) -> bool:
        return verify_commitment(secret=secret, salt_hex=salt, commitment=sealed.commitment)

    assert not holds(SECRET + "5", salt_hex)
    assert not holds(SECRET, "00" * 16)
    assert not holds(SECRET, "not hexadecimal")
    moved = bytes.fromhex(salt_hex) + SECRET.encode()
    assert not holds(moved[17:].decode(errors="replace"), moved[:17].hex())


def test_the_same_secret_has_another_commitment_each_time_but_one_fingerprint(
    config: Settings,
) -> None:
    sealed = [
        seal_key(key_id=new_id(), supplier_listing_id=new_id(), secret=SECRET) for _ in range(50)
    ]
    assert len({each.commitment for each in sealed}) == 50
    assert len({each.fingerprint for each in sealed}) == 1


def test_keys_sealed_before_a_new_encryption_key_still_open_after_it(
    config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (base64.b64encode(letter * 32).decode() for letter in (b"1", b"2"))
    key_id, listing_id = new_id(), new_id()

    def sealed_under(keys: str) -> SealedKey:
        monkeypatch.setenv("KAMENG_KEY_ENCRYPTION_KEYS", keys)
        settings.cache_clear()
        return seal_key(key_id=key_id, supplier_listing_id=listing_id, secret=SECRET)

    before = sealed_under(f"1:{first}")
    after = sealed_under(f"1:{first},2:{second}")
    assert (before.secret_key_id, after.secret_key_id) == (1, 2)
    assert opened(before, key_id=key_id, listing_id=listing_id).secret == SECRET
    assert opened(after, key_id=key_id, listing_id=listing_id).secret == SECRET


@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_a_secret_in_the_clear_does_not_show_itself(show: Callable[[object], str]) -> None:
    assert "ABCD" not in show(OpenedKey(secret="ABCD-1234", salt_hex="abcd"))
    assert "abcd" not in show(OpenedKey(secret="ABCD-1234", salt_hex="abcd"))
