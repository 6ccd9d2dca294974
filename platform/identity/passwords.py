"""Passwords: argon2id, away from the event loop and never more than a few at once."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kernel.errors import Invalid

SHORTEST, LONGEST = 8, 128  # characters; NIST SP 800-63B sets no rules of composition, nor do we

# OWASP's setting for argon2id: 19 MiB, two passes, one lane; some 30 ms of one core.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# The hash of a password that nobody knows: an unknown account costs what a known one costs.
NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$5QuJ31rjPoeCYdC0lYkRMg"
    "$BGLMOBRq0d8e4S1AwHy2ecMBHAff+EDbFogtwCdscbI"
)

# Two hashes at once are all that strangers may ask of the processors. The others queue here, and
# one whose caller has given up (the request's deadline) leaves the queue unhashed.
_workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def hash_password(password: str, *, field: str = "password") -> str:
    """Return the argon2id hash of a password, with its parameters.

    Raises `Invalid`, which names the `field`, unless it has 8 to 128 characters.
    """
    text = _canonical(password)
    if not SHORTEST <= len(text) <= LONGEST:
        message = f"A password has {SHORTEST} to {LONGEST} characters."
        raise Invalid(message, field=field)
    work = partial(_hasher.hash, text)
    return await asyncio.get_running_loop().run_in_executor(_workers, work)


async def verify_password(password: str, *, password_hash: str | None) -> bool:
    """Say whether the password is the hash's; no hash is never matched.

    It takes as long for no hash as for a wrong password.
    """
    text = _canonical(password)
    if len(text) > LONGEST:
        text, password_hash = "", None
    work = partial(_matches, password_hash or NOBODYS_HASH, text)
    return await asyncio.get_running_loop().run_in_executor(_workers, work)


def _matches(password_hash: str, text: str) -> bool:
    try:
        return _hasher.verify(password_hash, text)
    except (VerificationError, InvalidHashError):
        return False


def _canonical(password: str) -> str:
    """The same password from every keyboard (NFKC, as in NIST SP 800-63B 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
