"""Passwords: hashed by argon2id, matched by nobody else's."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher, extract_parameters

from identity import passwords
from identity.passwords import NOBODYS_HASH, hash_password, verify_password
from kernel.errors import Invalid
from patience import PATIENCE_SECONDS


async def test_a_password_is_verified_by_its_own_hash_only() -> None:
    first, second = await hash_password("correct horse"), await hash_password("battery staple")
    assert first.startswith("$argon2id$")
    assert await verify_password("correct horse", password_hash=first)
    assert not await verify_password("correct horse", password_hash=second)
    assert not await verify_password("Correct horse", password_hash=first)


async def test_the_same_password_is_hashed_differently_every_time() -> None:
    assert await hash_password("correct horse") != await hash_password("correct horse")


async def test_a_password_typed_on_another_keyboard_is_the_same_password() -> None:
    composed, decomposed = "p\u00e4sswort", "pa\u0308sswort"
    assert await verify_password(decomposed, password_hash=await hash_password(composed))


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129, "x" * 1_000_000])
async def test_a_password_outside_its_bounds_is_refused_and_never_matched(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        await hash_password(password)
    assert refused.value.field == "password"
    assert not await verify_password(password, password_hash=None)


async def test_no_password_matches_an_account_without_one_or_a_broken_hash() -> None:
    assert not await verify_password("anything", password_hash=None)
    assert not await verify_password("anything", password_hash="not a hash")


async def test_nobodys_hash_costs_as_much_as_a_customers() -> None:
    assert extract_parameters(NOBODYS_HASH) == extract_parameters(await hash_password("password"))


async def test_the_event_loop_stays_alive_while_passwords_are_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop_lives = threading.Event()

    class Slow(PasswordHasher):
        """A hasher that is at work for as long as the loop does not get on."""

        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            assert loop_lives.wait(PATIENCE_SECONDS), "the loop stands still"
            return super().hash(password, salt=salt)

    monkeypatch.setattr(passwords, "_hasher", Slow(time_cost=1, memory_cost=8, parallelism=1))
    hashing = asyncio.gather(*(hash_password(f"password {number}") for number in range(8)))
    for _ in range(8):
        await asyncio.sleep(0.001)
    assert not hashing.done()
    loop_lives.set()
    assert len(set(await hashing)) == 8
