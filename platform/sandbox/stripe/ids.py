"""Identifiers in the shape that Stripe gives them."""

import secrets
import string

_ALPHABET = (string.ascii_letters + string.digits).encode()
# Each random byte becomes a letter; that some letters are a little likelier harms nobody here.
_LETTER_OF_BYTE = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


def new_id(prefix: str, *, length: int = 24) -> str:
    """Make an unguessable id of `length` letters after the prefix."""
    return prefix + secrets.token_bytes(length).translate(_LETTER_OF_BYTE).decode()
