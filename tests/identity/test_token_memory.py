"""What is remembered of a token: for a second, for customers, and never past its end here."""

import asyncpg
import pytest

from identity import token_memory, tokens
from identity.customers import freeze_customer
from identity.models import TokenKind
from identity.token_memory import TokenMemory
from identity.tokens import issue_token, recognise, revoke_token
from kernel.settings import Settings
from world import World, build_world


class Clock:
    """A clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_000.0
        monkeypatch.setattr(token_memory, "monotonic_seconds", lambda: self.seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_caller_is_remembered_for_a_second(clock: Clock) -> None:
    memory: TokenMemory[str] = TokenMemory()
    assert memory.recall(b"token") is None
    memory.note(b"token", "caller", asked_at=memory.now())
    clock.seconds += 0.99
    assert memory.recall(b"token") == "caller"
    clock.seconds += 0.01
    assert memory.recall(b"token") is None


def test_an_answer_that_took_long_is_as_old_as_its_question(clock: Clock) -> None:
    memory: TokenMemory[str] = TokenMemory()
    asked_at = memory.now()
    clock.seconds += 1.0
    memory.note(b"token", "caller", asked_at=asked_at)
    assert memory.recall(b"token") is None


def test_an_answer_from_before_an_ending_is_not_remembered_after_it(clock: Clock) -> None:
    memory: TokenMemory[str] = TokenMemory()
    memory.note(b"known", "caller", asked_at=memory.now())
    asked_at = memory.now()
    memory.forget()
    memory.note(b"token", "caller", asked_at=asked_at)
    assert (memory.recall(b"known"), memory.recall(b"token")) == (None, None)


def test_the_memory_has_a_limit(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_memory, "TOKENS", 3)
    memory: TokenMemory[int] = TokenMemory()
    for number in range(5):
        memory.note(bytes([number]), number, asked_at=memory.now())
    assert [memory.recall(bytes([number])) for number in range(5)] == [None, None, 2, 3, 4]


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


@pytest.mark.engines
async def test_only_a_customer_is_remembered(world: World) -> None:
    tokens.forget_tokens()
    people = [
        await world.customer(),
        await world.staff("SUPPORT"),
        await world.operator(),
        await world.affiliate(),
        await world.supplier_token(),
        await world.api_client(),
    ]
    for person in people:
        assert (await recognise(person.token))[1] is False
    assert [(await recognise(person.token))[1] for person in people] == [True, *[False] * 5]


@pytest.mark.engines
@pytest.mark.parametrize("ending", ["sign-out", "freeze"])
async def test_what_this_process_ends_it_forgets_at_once(world: World, ending: str) -> None:
    customer = await world.customer()
    token = await issue_token(
        kind=TokenKind.CUSTOMER,
        tenant_id=world.shop.id,
        principal_id=customer.id,
        ttl_seconds=60,
    )
    for known in (False, True):
        caller, is_remembered = await recognise(token)
        assert (caller is not None, is_remembered) == (True, known)
    if ending == "sign-out":
        await revoke_token(token)
    else:
        await freeze_customer(tenant_id=world.shop.id, customer_id=customer.id)
    assert await recognise(token) == (None, False)


@pytest.mark.engines
async def test_nobody_is_not_remembered(world: World, owner: asyncpg.Connection) -> None:
    customer = await world.customer()
    await owner.execute("update customers set status = 'FROZEN'")
    assert await recognise(customer.token) == (None, False)
    await owner.execute("update customers set status = 'ACTIVE'")
    caller, _ = await recognise(customer.token)
    assert caller is not None
