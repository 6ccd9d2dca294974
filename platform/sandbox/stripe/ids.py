"""Identifiers in the shape that Stripe gives them."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, *, length: int = 24) -> str:
    """This function will make an unguessable id of `length` letters after the prefix."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
