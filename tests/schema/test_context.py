"""What a request knows of where it came from."""

import pytest

from lone_shop import LONE_SHOP
from schema.context import Context
from tenants.founding import host_of


@pytest.mark.parametrize(
    ("origin", "platforms"),
    [
        ("https://cards.example", "https://{}"),
        ("https://cards.example:8443", "https://{}:8443"),
        ("http://lone.localhost:8000", "http://{}:8000"),
    ],
)
def test_a_link_that_opens_something_leads_to_no_domain_of_the_shops_own(
    origin: str, platforms: str
) -> None:
    context = Context(
        shop=LONE_SHOP, caller=None, ip="", user_agent="", english=True, origin=origin
    )
    assert context.platforms_origin == platforms.format(host_of(LONE_SHOP.slug))
