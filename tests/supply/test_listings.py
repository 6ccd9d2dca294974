"""Suppliers and listings: what may be written, and that a refusal writes nothing."""

from typing import Any

import asyncpg
import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from kernel.settings import Settings
from supplier_stalls import open_stall, plant_sku
from supply.listings import AlreadyListed, create_supplier, create_supplier_listing


async def test_a_supplier_and_its_listing_are_stored_as_given(
    database: Settings, owner: asyncpg.Connection
) -> None:
    sku_id = await plant_sku(owner)
    supplier_id = await create_supplier(name=" 上游一号 ", commission_bp=250)
    listing_id = await create_supplier_listing(
        supplier_id=supplier_id,
        sku_id=sku_id,
        supply_price_minor=9_050,
        currency="CNY",
        min_retail_minor=9_500,
        max_retail_minor=12_000,
        warranty_hours=48,
        priority=3,
    )
    supplier = await owner.fetchrow("select * from suppliers where id = $1", supplier_id)
    assert (supplier["name"], supplier["commission_bp"]) == ("上游一号", 250)
    listing = await owner.fetchrow("select * from supplier_listings where id = $1", listing_id)
    assert dict(listing) == {
        "id": listing_id,
        "supplier_id": supplier_id,
        "sku_id": sku_id,
        "supply_price_minor": 9_050,
        "currency": "CNY",
        "min_retail_minor": 9_500,
        "max_retail_minor": 12_000,
        "warranty_hours": 48,
        "by_hand": False,
        "priority": 3,
        "status": "ACTIVE",
        "paused_for": None,
    }


@pytest.mark.parametrize(
    "supplier",
    [
        {"name": "  "},
        {"name": "x" * 201},
        {"name": "a\0b"},
        {"name": "ok", "commission_bp": -1},
        {"name": "ok", "commission_bp": 10_001},
    ],
)
async def test_a_supplier_outside_its_bounds_is_refused(
    database: Settings, owner: asyncpg.Connection, supplier: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        await create_supplier(**supplier)
    assert await owner.fetchval("select count(*) from suppliers") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"supply_price_minor": 0},
        {"supply_price_minor": 2**53},
        {"currency": "cny"},
        {"currency": "XXX"},
        {"min_retail_minor": 0},
        {"max_retail_minor": -1},
        {"min_retail_minor": 2, "max_retail_minor": 1},
        {"warranty_hours": -1},
        {"warranty_hours": 10**6},
        {"priority": 10**7},
    ],
)
async def test_a_listing_outside_its_bounds_is_refused(
    database: Settings, owner: asyncpg.Connection, change: dict[str, Any]
) -> None:
    stall = await open_stall(owner)
    listing: dict[str, Any] = {
        "supplier_id": stall.supplier_id,
        "sku_id": await plant_sku(owner),
        "supply_price_minor": 1,
        "currency": "CNY",
    }
    with pytest.raises(Invalid) as refused:
        await create_supplier_listing(**{**listing, **change})
    assert refused.value.field in change
    assert await owner.fetchval("select count(*) from supplier_listings") == 1


async def test_a_second_listing_of_the_same_sku_and_unknown_ids_are_refused(
    database: Settings, owner: asyncpg.Connection
) -> None:
    stall = await open_stall(owner)
    with pytest.raises(AlreadyListed):
        await open_stall(owner, supplier_id=stall.supplier_id, sku_id=stall.sku_id)
    with pytest.raises(NotFound):
        await open_stall(owner, supplier_id=new_id())
    with pytest.raises(NotFound):
        await open_stall(owner, sku_id=new_id())
    assert await owner.fetchval("select count(*) from supplier_listings") == 1
    await open_stall(owner, sku_id=stall.sku_id)
    assert await owner.fetchval("select count(*) from supplier_listings") == 2
