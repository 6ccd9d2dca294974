"""Which shop answers at which address, and whether it, and all above it, take orders."""

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from kernel import db
from kernel.settings import Settings
from tenant_tree import put_into
from tenants import directory
from tenants.directory import TenantRestricted, host_name, shop_by_host, shop_by_id
from tenants.life import STANDING, TenantStatus
from world import ShopAt, World, build_world


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[World]:
    """Three levels of shops; nobody remembers any of them."""
    directory.forget()
    yield await build_world(owner, keys=0)
    directory.forget()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("shop.localhost", "shop.localhost"),
        ("Shop.LocalHost:8443", "shop.localhost"),
        ("shop.localhost.", "shop.localhost"),
        (" shop.localhost ", "shop.localhost"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("xn--fiqs8s.example", "xn--fiqs8s.example"),
        ("", None),
        (":80", None),
        ("shop.localhost:http", None),
        ("shop.localhost:80:80", None),
        ("[::1]:80", None),
        ("shop..localhost", None),
        ("-shop.localhost", None),
        ("shop_1.localhost", None),
        ("shop.localhost/x", None),
        ("shop.localhost\x00", None),
        ("shop.localhost\n", "shop.localhost"),
        ("商店.example", None),
        ("a" * 254, None),
        (".".join(["a"] * 126 + ["aaa"]), None),
    ],
)
def test_a_host_header_is_a_name_or_nothing(header: str, name: str | None) -> None:
    assert host_name(header) == name


@pytest.mark.engines
async def test_a_shop_is_found_by_its_verified_hosts_whatever_their_case(world: World) -> None:
    for header in ("shop.localhost", "SHOP.localhost:8000", "shop.localhost."):
        shop = await shop_by_host(header)
        assert shop is not None
        assert (shop.id, shop.slug, shop.host) == (world.shop.id, "shop", "shop.localhost")
        assert shop.path == (world.root.id, world.agent.id, world.shop.id)
    for stranger in ("other.localhost", "localhost", "shop.localhost.evil.example", "[::1]", ""):
        assert await shop_by_host(stranger) is None
    await add_host(world, world.shop, "unverified.example", verified=False)
    await add_host(world, world.shop, "verified.example", verified=True)
    assert await shop_by_host("unverified.example") is None
    found = await shop_by_host("verified.example")
    assert found is not None and found.id == world.shop.id


async def add_host(world: World, shop: ShopAt, host: str, *, verified: bool) -> None:
    await world.owner.execute(
        """insert into tenant_domains (tenant_id, id, host, kind, verified_at)
           values ($1, $2, $3, 'CUSTOM', case when $4 then now() end)""",
        shop.id,
        uuid.uuid4(),
        host,
        verified,
    )


@pytest.mark.engines
async def test_a_shop_is_open_when_it_trades_and_every_shop_above_it_stands(world: World) -> None:
    async def is_open() -> bool:
        directory.forget()
        shop = await shop_by_id(world.shop.id)
        assert shop is not None
        if not shop.open:
            with pytest.raises(TenantRestricted):
                shop.require_open()
        return shop.open

    assert await is_open()
    for level in (world.root, world.agent, world.shop):
        for status in set(TenantStatus) - STANDING:
            await put_into(world.owner, level.id, status)
            assert not await is_open(), (level.slug, status)
        await put_into(world.owner, level.id, "RESTRICTED")
        assert await is_open() is (level is not world.shop), "a restriction is its own shop's"
        await put_into(world.owner, level.id, "ACTIVE")
    below = await world.another_shop("below", below=world.shop)
    await set_status(world, below, "SUSPENDED")
    assert await is_open(), "a child's trouble is not its parent's"


async def set_status(world: World, shop: ShopAt, status: str) -> None:
    await world.owner.execute("update tenants set status = $2 where id = $1", shop.id, status)


@pytest.mark.engines
async def test_a_shop_is_remembered_for_a_moment_and_read_anew_inside_a_sale(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    token = db.statement_log.set(asked)
    try:
        for _ in range(3):
            assert await shop_by_host("shop.localhost") is not None
            assert await shop_by_host("nobody.localhost") is None
        assert len(asked) == 2, "a stranger's host is remembered as nobody's, too"
        await set_status(world, world.agent, "SUSPENDED")
        remembered = await shop_by_host("shop.localhost")
        assert remembered is not None and remembered.open
        async with db.transaction(db.core_scope(world.shop.id)):
            assert not (await directory.current_shop(world.shop.id)).open
        monkeypatch.setattr(directory, "REMEMBER_SECONDS", 0.0)
        found = await shop_by_host("shop.localhost")
        assert found is not None and not found.open
    finally:
        db.statement_log.reset(token)


@pytest.mark.engines
async def test_strangers_cannot_fill_the_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20_001):
        directory._remembered[f"stranger-{number}"] = (0.0, None)
    assert await shop_by_host("shop.localhost") is not None
    assert len(directory._remembered) == 1


@pytest.mark.engines
async def test_each_level_carries_its_own_status(world: World) -> None:
    await world.owner.execute(
        "update tenants set status = 'SUSPENDED' where id = $1", world.agent.id
    )
    shop = await shop_by_id(world.shop.id)
    assert shop is not None
    assert [(level.id, level.status) for level in shop.levels] == [
        (world.root.id, "ACTIVE"),
        (world.agent.id, "SUSPENDED"),
        (world.shop.id, "ACTIVE"),
    ]
    assert await shop_by_id(uuid.uuid4()) is None
