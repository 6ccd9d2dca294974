"""How a SKU is delivered, and what its buyers are asked for, as operators say it."""

from typing import Any

import asyncpg
import pytest

from catalog.goods import DeliveryTerms, set_delivery
from catalog.models import DeliveryMode
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from kernel.settings import Settings
from world import build_world


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("seats", {"mode": DeliveryMode.SHARED_KEY, "seats": 0}),
        ("seats", {"mode": DeliveryMode.SHARED_KEY, "seats": 101}),
        ("seats", {"mode": DeliveryMode.AUTO_KEY, "seats": 2}),
        ("manualMinutes", {"mode": DeliveryMode.MANUAL}),
        ("manualMinutes", {"mode": DeliveryMode.DIRECT_TOPUP}),
        ("manualMinutes", {"mode": DeliveryMode.AUTO_KEY, "manual_minutes": 4}),
        ("manualMinutes", {"mode": DeliveryMode.MANUAL, "manual_minutes": 10_081}),
    ],
)
def test_terms_by_which_nothing_can_be_delivered_are_refused(
    field: str, terms: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        DeliveryTerms(**terms).require_sensible()
    assert refused.value.field == field


@pytest.mark.engines
async def test_a_sku_takes_its_terms_and_its_shops_pages_are_made_anew(
    database: Settings, owner: asyncpg.Connection
) -> None:
    world = await build_world(owner, keys=0)
    version = "select version from catalogue_versions where owner_id = platform_id()"
    before = await owner.fetchval(version)
    terms = DeliveryTerms(mode=DeliveryMode.SHARED_KEY, seats=5, manual_minutes=90)
    await set_delivery(sku_id=world.goods.sku_id, terms=terms)
    row = await owner.fetchrow("select delivery_mode, seats, manual_minutes from skus")
    assert tuple(row or ()) == ("SHARED_KEY", 5, 90)
    assert await owner.fetchval(version) > before
    with pytest.raises(NotFound):
        await set_delivery(sku_id=new_id(), terms=terms)
