"""Secrets: encryption at rest, blind indexes, fingerprints, signatures and token hashes.

One master secret stays outside the database; every other key is derived from it by HKDF with the
name of its purpose, so that no two purposes ever share a key. Keys that encrypt rows live in a
small keyring: the row stores the id of the key it was sealed with, the newest key seals.
"""

import base64
import hashlib
import hmac
import os
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.settings import Settings, settings

KEY_BYTES = 32
MAX_KEY_ID = 32_767  # a smallint in every row
NONCE_BYTES = 12
SALT_BYTES = 16
TOKEN_BYTES = 20  # 160 bits (security A77)


class CannotDecrypt(Exception):
    """The ciphertext is not what was sealed for this row: moved, damaged, or the key is gone."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext and the id of the keyring's key that sealed it."""

    key_id: int
    ciphertext: bytes


class Keyring:
    """AES-256-GCM under several keys; `nonce || ciphertext || tag`, the row bound as AAD."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = max(keys)

    def seal(self, plaintext: bytes, *, bound_to: bytes) -> Sealed:
        """Encrypt for one row: `bound_to` names it, and decryption needs the same name."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, plaintext, bound_to)
        return Sealed(self._newest, nonce + sealed)

    def unseal(self, sealed: Sealed, *, bound_to: bytes) -> bytes:
        """Decrypt; `CannotDecrypt` when the row is not the one it was sealed for."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise CannotDecrypt(f"key {sealed.key_id} is not in the keyring")
        nonce, body = sealed.ciphertext[:NONCE_BYTES], sealed.ciphertext[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, body, bound_to)
        except (InvalidTag, ValueError):  # ValueError: too short to hold even a nonce
            raise CannotDecrypt("the ciphertext does not belong to this row") from None


def derive(purpose: str, config: Settings | None = None) -> bytes:
    """The 32-byte key of a purpose, from the master secret (HKDF-SHA256, RFC 5869)."""
    config = config or settings()
    return _derive(config.master_secret.get_secret_value() or "kameng-development-only", purpose)


@lru_cache(maxsize=64)
def _derive(master: str, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=b"kameng", info=purpose.encode())
    return hkdf.derive(master.encode())


def role_password(config: Settings) -> str:
    """The password of the two application roles: as set, or derived."""
    return config.role_password.get_secret_value() or derive("database-roles", config).hex()


def keyring(config: Settings | None = None) -> Keyring:
    """The keyring of this process, from the settings; `ValueError` when they are malformed."""
    config = config or settings()
    text = config.key_encryption_keys.get_secret_value()
    return _keyring(text, derive("row-encryption", config))


@lru_cache(maxsize=4)
def _keyring(text: str, derived_key: bytes) -> Keyring:
    return Keyring(_parse_keys(text) if text else {1: derived_key})


def _parse_keys(text: str) -> dict[int, bytes]:
    """The keys of `1:<base64>,2:<base64>`: ascending ids, so that the last is the newest."""
    keys: dict[int, bytes] = {}
    for item in text.split(","):
        key_id, _, encoded = item.strip().partition(":")
        try:
            number, key = int(key_id), base64.b64decode(encoded, validate=True)
        except ValueError:  # its message would quote a part of the key
            raise ValueError("an encryption key is not `<id>:<base64>`") from None
        if len(key) != KEY_BYTES:
            raise ValueError(f"encryption key {number} is not {KEY_BYTES} bytes long")
        if not max(keys, default=0) < number <= MAX_KEY_ID:
            raise ValueError(f"encryption key ids ascend from 1 to {MAX_KEY_ID}: {number}")
        keys[number] = key
    return keys


def normalised(text: str) -> str:
    """NFKC, without white space at the ends: `ＡＢ-１ ` and `AB-1` are the same key."""
    return unicodedata.normalize("NFKC", text).strip()


def fingerprint(secret: str) -> bytes:
    """A keyed hash of a normalised key, unique over the platform; case and spaces fold."""
    folded = "".join(normalised(secret).casefold().split())
    return hmac.digest(derive("key-fingerprint"), _bytes(folded), "sha256")


def blind_index(kind: str, value: str) -> bytes:
    """A keyed hash of an e-mail or phone, so that it can be found and not be read."""
    folded = normalised(value).casefold()
    return hmac.digest(derive("blind-index"), _bytes(f"{kind}:{folded}"), "sha256")


def _bytes(text: str) -> bytes:
    """UTF-8 of any text: JSON can carry half of a surrogate pair, and a hash must not crash."""
    return text.encode("utf-8", "surrogatepass")


def commitment(*, salt: bytes, secret: str) -> bytes:
    """SHA-256(salt || secret): shown before the sale, verifiable by anybody after the reveal."""
    return hashlib.sha256(salt + secret.encode()).digest()


def new_token(prefix: str) -> str:
    """An opaque token of 160 random bits; the prefix tells its kind."""
    return f"{prefix}_{secrets.token_urlsafe(TOKEN_BYTES)}"


def derived_token(prefix: str, subject: str) -> str:
    """A token of 160 bits that only we can make, and make again, for one subject."""
    tag = hmac.digest(derive("derived-tokens"), subject.encode(), "sha256")[:TOKEN_BYTES]
    return f"{prefix}_{_encode(tag)}"


def token_hash(token: str) -> bytes:
    """What is stored of a token. It has 160 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def sign(purpose: str, payload: bytes) -> str:
    """`payload.signature`, both base64url: to be handed out and taken back unchanged."""
    tag = hmac.digest(derive(purpose), payload, "sha256")[:20]
    return f"{_encode(payload)}.{_encode(tag)}"


def unsign(purpose: str, text: str) -> bytes | None:
    """The payload of a signed text; None when we did not sign it for this purpose."""
    body, _, tag = text.partition(".")
    try:
        payload, given = _decode(body), _decode(tag)
    except (ValueError, UnicodeEncodeError):
        return None
    expected = hmac.digest(derive(purpose), payload, "sha256")[:20]
    return payload if hmac.compare_digest(expected, given) else None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """The bytes of one spelling only; `ValueError` for every other.

    Python's decoder takes `+` for `-` and ignores the last letter's spare bits. A signed text
    with several spellings could be spent several times.
    """
    raw = text.encode("ascii")
    data = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    if _encode(data) != text:
        raise ValueError("not the canonical base64url")
    return data
