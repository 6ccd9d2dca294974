"""One link, many hands: one new password, and the sessions that it opens stay."""

from uuid import UUID

import asyncpg
import pytest

from identity import password_resets
from identity.customers import create_customer
from identity.models import TokenKind
from identity.password_resets import ask_for_reset, reset_password
from kernel import db
from kernel.settings import Settings
from races.crowd import Outcome, all_at_once
from races.mutants import Meeting
from tenants.directory import Shop

pytestmark = pytest.mark.engines

HANDS = 200
EMAIL = "ada@example.com"


@pytest.fixture
async def token(shop: Shop, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> str:
    """A link's token. Hashes are made at once here: who waits for one is not the subject."""

    async def at_once(password: str, *, field: str) -> str:
        return f"the hash of {password}"

    await create_customer(tenant_id=shop.id, name="Ada", email=EMAIL, password="correct horse")
    monkeypatch.setattr(password_resets, "hash_password", at_once)
    await ask_for_reset(
        shop=shop, login=TokenKind.CUSTOMER, account=EMAIL, ip="", origin="https://shop.example"
    )
    reset_id: UUID = await owner.fetchval("select id from password_resets")
    return password_resets._token(reset_id)


async def used(shop: Shop, token: str, *, times: int) -> Outcome[None]:
    """Use the link so often at once, each time for another password."""
    return await all_at_once(
        reset_password(tenant_id=shop.id, token=token, new=f"password {number}")
        for number in range(times)
    )


async def test_a_link_that_hundreds_use_sets_one_password(shop: Shop, token: str) -> None:
    outcome = await used(shop, token, times=HANDS)
    assert outcome.errors == []
    assert (len(outcome.done), outcome.refused["NOT_FOUND"]) == (1, HANDS - 1)


async def test_the_check_notices_a_link_that_is_only_looked_at(
    shop: Shop, token: str, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: look whether it is open, and then use it up."""
    meeting = Meeting()

    async def reads_then_writes(reset_id: UUID) -> None:
        is_open = await db.fetch_value(
            "select ended_at is null from password_resets where id = $1", reset_id
        )
        assert is_open
        await meeting.join()
        await db.execute("update password_resets set ended_at = now() where id = $1", reset_id)

    monkeypatch.setattr(password_resets, "use_link", reads_then_writes)
    assert len((await used(shop, token, times=2)).done) == 2
