"""A key's secret at rest: sealed for one row, opened for one row, and committed to in advance.

What is encrypted is `salt || secret`. The row's commitment is SHA-256 over the same bytes: it can
be shown before the sale, and after the reveal anybody can recompute it from the salt and the
secret, without us, and see that the key was not exchanged in between.
"""

import hmac
import os
from dataclasses import dataclass, field, replace
from uuid import UUID

from kernel import crypto

_VERSION = b"v1"  # of what a row's ciphertext is bound to


@dataclass(frozen=True, slots=True)
class SealedKey:
    """The columns of `sealed_keys` that hold a secret or vouch for it."""

    secret: bytes
    """`nonce || ciphertext || tag` under AES-256-GCM."""
    secret_key_id: int
    fingerprint: bytes
    commitment: bytes


@dataclass(frozen=True, slots=True)
class OpenedKey:
    """A secret in the clear, with what proves its commitment; neither shows in a `repr`."""

    secret: str = field(repr=False)
    salt_hex: str = field(repr=False)


def seal_key(*, key_id: UUID, supplier_listing_id: UUID, secret: str) -> SealedKey:
    """Encrypt a normalised secret for the one row that it is to stand in."""
    salt = os.urandom(crypto.SALT_BYTES)
    sealed = crypto.keyring().seal(
        salt + secret.encode(), bound_to=_bound_to(key_id, supplier_listing_id)
    )
    return SealedKey(
        secret=sealed.ciphertext,
        secret_key_id=sealed.key_id,
        fingerprint=crypto.fingerprint(secret),
        commitment=crypto.commitment(salt=salt, secret=secret),
    )


def seal_seat(*, key_id: UUID, supplier_listing_id: UUID, secret: str, number: int) -> SealedKey:
    """The same for a further seat of a shared key, which is a row of its own with the same secret.

    Its fingerprint is the secret's for this seat: no two rows are the same seat of one secret.
    """
    sealed = seal_key(key_id=key_id, supplier_listing_id=supplier_listing_id, secret=secret)
    return replace(sealed, fingerprint=crypto.fingerprint(f"{secret}\0seat {number}"))


def open_key(
    *, key_id: UUID, supplier_listing_id: UUID, secret: bytes, secret_key_id: int
) -> OpenedKey:
    """Decrypt the secret of a row.

    Raises `kernel.crypto.CannotDecrypt` when the ciphertext was sealed for another row, is
    damaged, or its key is not in the keyring.
    """
    plaintext = crypto.keyring().unseal(
        crypto.Sealed(secret_key_id, secret), bound_to=_bound_to(key_id, supplier_listing_id)
    )
    salt, text = plaintext[: crypto.SALT_BYTES], plaintext[crypto.SALT_BYTES :]
    return OpenedKey(secret=text.decode(), salt_hex=salt.hex())


def verify_commitment(*, secret: str, salt_hex: str, commitment: bytes) -> bool:
    """Say whether a revealed secret is the one that was committed to."""
    try:
        salt = bytes.fromhex(salt_hex)
    except ValueError:
        return False
    # A salt of another length would move the border between salt and secret.
    if len(salt) != crypto.SALT_BYTES:
        return False
    return hmac.compare_digest(crypto.commitment(salt=salt, secret=secret), commitment)


def _bound_to(key_id: UUID, supplier_listing_id: UUID) -> bytes:
    return key_id.bytes + supplier_listing_id.bytes + _VERSION
