"""A repeated request is recognised by who asks, its key, and what it asks."""

import asyncio
from uuid import UUID

import pytest

from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from orders.idempotency import Claim, IdempotencyConflict, Request, claim, require_key
from sales import SalesDesk

TENANT = UUID(int=1)


def test_what_is_asked_is_the_same_in_any_order_of_its_words() -> None:
    one = Request(TENANT, "buyer", "k", {"a": 1, "b": [new_id_like(7), None]})
    same = Request(TENANT, "other", "x", {"b": [new_id_like(7), None], "a": 1})
    assert one.hash == same.hash
    for other in ({"a": 1}, {"a": "1", "b": [new_id_like(7), None]}, {"a": 1, "b": []}):
        assert Request(TENANT, "buyer", "k", other).hash != one.hash


def new_id_like(number: int) -> UUID:
    return UUID(int=number)


def test_a_key_has_a_length() -> None:
    for good in ("k", "k" * 128):
        require_key(good, guest=False)
    for bad in ("", "k" * 129):
        with pytest.raises(Invalid):
            require_key(bad, guest=False)
    with pytest.raises(Invalid):
        require_key("k" * 21, guest=True)


@pytest.mark.engines
async def test_of_a_crowd_with_one_key_one_makes_and_all_get_its_result(desk: SalesDesk) -> None:
    tenant_id = desk.world.shop.id

    async def ask(content: str, kind: str = "ORDER") -> Claim:
        request = Request(tenant_id, "buyer", "one-key", {"content": content})
        async with db.transaction(db.core_scope(tenant_id)):
            claimed = await claim(request, kind=kind, result_id=new_id())
            await asyncio.sleep(0.01)
        return claimed

    claims = await asyncio.gather(*(ask("this") for _ in range(8)))
    assert sum(claimed.first for claimed in claims) == 1
    assert len({claimed.result_id for claimed in claims}) == 1
    with pytest.raises(IdempotencyConflict):
        await ask("that")
    with pytest.raises(IdempotencyConflict):
        await ask("this", kind="PAYMENT")


@pytest.mark.engines
async def test_a_claim_whose_transaction_failed_was_never_made(desk: SalesDesk) -> None:
    tenant_id = desk.world.shop.id
    request = Request(tenant_id, "buyer", "one-key", {})
    with pytest.raises(LookupError):
        async with db.transaction(db.core_scope(tenant_id)):
            assert (await claim(request, kind="ORDER", result_id=new_id())).first
            raise LookupError
    async with db.transaction(db.core_scope(tenant_id)):
        assert (await claim(request, kind="ORDER", result_id=new_id())).first
