"""All that a viewer of a market is told: answers, refusals, pages, files, messages, events."""

from typing import Final

import asyncpg
import httpx

from canaries.any_requests import Requests
from canaries.canary_markets import CanaryMarket, Viewer
from canaries.kept_secret import Kept, Secrets
from isolation.api import Api
from isolation.documents import SCHEMA, RootField, document
from notifications.claiming import claim
from notifications.handing_on import hand_on
from notifications.messages import body_of
from schema.field_table import GRANTS

_EXPORT: Final = "{ priceListExport(format: CSV) { ... on PriceListAddress { url } } }"
_ALERTS: Final = "{ priceAlerts(first: 1) { nodes { guard } } }"


async def betrayed_to(
    owner: asyncpg.Connection,
    api: Api,
    market: CanaryMarket,
    viewer: Viewer,
    requests: Requests,
    *operations: str,
) -> dict[str, list[int]]:
    """Look for secrets in all that a viewer is told, changes that he makes included; by the first
    words of what told them."""
    before = await Secrets.of(owner, market)
    told = await told_to(owner, api, market, viewer)
    told += await requests.answers(api, viewer, *(operations or ("query", "mutation")))
    after = await Secrets.of(owner, market)
    kept = [secrets.kept_from(market, viewer) for secrets in (before, after)]
    # What he has changed himself he knows before and after.
    common = Kept(kept[0].amounts & kept[1].amounts, kept[0].costs & kept[1].costs)
    found = {text: sorted(common.betrayed_by([text])) for text in told}
    return {text[-400:]: amounts for text, amounts in found.items() if amounts}


async def told_to(
    owner: asyncpg.Connection, api: Api, market: CanaryMarket, viewer: Viewer
) -> list[str]:
    """Pages and files at the shop's address, and what is told without being asked."""
    paths = ["/", *(f"/p/{goods[0].slug}" for goods in market.market.goods)]
    told = [await api.read(viewer.shop, path, by=viewer.person) for path in paths]
    if "STAFF_OWNER" in viewer.roles:
        answer = await api.ask(viewer.shop, _EXPORT, by=viewer.person)
        url = answer.accepted["url"]
        told.append(await api.read(viewer.shop, httpx.URL(url).path, by=viewer.person))
        alerts = await api.ask(viewer.shop, _ALERTS, by=viewer.person)
        if alerts.accepted["nodes"]:
            told.append(await _event(api, viewer, "priceBroken", {}))
    no = await owner.fetchval(
        "select no from orders where tenant_id = $1 and customer_id = $2 limit 1",
        viewer.shop.id,
        viewer.person and viewer.person.id,
    )
    if no is not None:
        told.append(await _event(api, viewer, "orderUpdated", {"orderNo": no}))
    return told


async def _event(api: Api, viewer: Viewer, name: str, given: dict[str, str]) -> str:
    assert SCHEMA.subscription_type is not None
    root = RootField("subscription", name, SCHEMA.subscription_type.fields[name])
    text = document(root, given, lambda field: bool(viewer.roles & GRANTS.get(field, frozenset())))
    return (await api.watch(viewer.shop, text, given, by=viewer.person)).text


async def messages_to(market: CanaryMarket) -> list[tuple[Viewer, str]]:
    """The bodies of all webhooks that are due, and whose owner reads them."""
    while await hand_on():
        pass
    sent: list[tuple[Viewer, str]] = []
    owners = {one.shop.id: one for one in market.viewers if "STAFF_OWNER" in one.roles}
    while claimed := await claim(100):
        sent += [(owners[one.tenant_id], (await body_of(one)).decode()) for one in claimed]
    return sent
