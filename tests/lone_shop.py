"""A shop for what needs one and no database."""

from typing import Final
from uuid import UUID

from tenants.directory import PathTenant, Shop

LONE_SHOP: Final = Shop(
    id=UUID(int=1),
    slug="shop",
    name="星河",
    locale="en",
    currency="CNY",
    support_contact="",
    payment_methods=("CARD",),
    host="shop.localhost",
    levels=(PathTenant(UUID(int=1), "ACTIVE"),),
)
