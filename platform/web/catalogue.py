"""What the shop sells and says: the front page, a category, a product, its own texts."""

import re
from typing import Any, Final

from starlette.responses import Response

from offers.delivery_modes import BY_HAND
from web.asking import PageRefused, Problem, ask
from web.coupons import may_have_points
from web.forms import Form, new_key
from web.pages import show
from web.storefront import text_of_page
from web.visit import Visit

_OFFER_SORTS: Final = ("PRICE", "RELIABILITY", "SPEED", "BALANCED")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


async def front_page(visit: Visit) -> Response:
    """Show all products, a page at a time."""
    return await _shelf(visit, None)


async def category_page(visit: Visit) -> Response:
    """Show the products of a category and of those below it."""
    return await _shelf(visit, _slug(visit))


async def product_page(visit: Visit) -> Response:
    """Show a product with everything that can be bought of it."""
    return await show_product(visit, _slug(visit))


async def show_product(
    visit: Visit, slug: str, *, problem: Problem | None = None, form: Form | None = None
) -> Response:
    """Show a product; with a problem, the form as it was filled in."""
    if not _SLUG.fullmatch(slug):
        raise PageRefused(404)
    offer_sort = visit.request.query_params.get("offers")
    if offer_sort not in _OFFER_SORTS:
        offer_sort = _OFFER_SORTS[0]
    data = await ask(visit, "product", slug=slug, offerSort=offer_sort)
    product = data["product"]
    if product is None:
        raise PageRefused(404)
    choices = _choices(product)
    return show(
        visit,
        "product.html",
        product=product,
        category=_by("id", product["categoryId"], data["categories"]),
        methods=data["storefront"]["paymentMethods"],
        wallet=_wallet(data),
        contacts=contacts_of(data),
        offer_sort=offer_sort,
        asks=any(sku["formFields"] for sku in product["skus"]),
        confirms=may_have_points(visit),
        choices=choices,
        chosen=_chosen(choices, form),
        idempotency_key=new_key(),
        problem=problem,
        filled=form,
    )


async def text_page(visit: Visit) -> Response:
    """Show one of the shop's own texts: its terms, how it refunds."""
    name: str = visit.request.path_params["name"]
    title, paragraphs = text_of_page(visit.said, name, english=visit.context.english)
    if not paragraphs:
        raise PageRefused(404)
    return show(visit, "text.html", title=title, paragraphs=paragraphs)


def _wallet(data: dict[str, Any]) -> dict[str, Any] | None:
    """The signed-in customer's balance."""
    me: dict[str, Any] | None = data.get("me")
    return me["wallet"] if me else None


def contacts_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """What the signed-in customer has kept, the last used first; a guest has nothing."""
    me = data.get("me")
    return me["savedContacts"] if me else []


async def _shelf(visit: Visit, slug: str | None) -> Response:
    after = visit.request.query_params.get("after")
    data = await ask(visit, "catalogue", category=slug, after=after)
    categories = data["categories"]
    here = None if slug is None else _by("slug", slug, categories)
    if slug is not None and here is None:
        raise PageRefused(404)
    return show(
        visit,
        "catalogue.html",
        here=here,
        rows=_category_rows(categories, here),
        products=[edge["node"] for edge in data["products"]["edges"]],
        next_page=data["products"]["pageInfo"],
        path=visit.request.url.path,
        first_page=after is None,
    )


def _category_rows(
    categories: list[dict[str, Any]], here: dict[str, Any] | None
) -> list[list[dict[str, Any]]]:
    """The bars of the way down to `here`: the top, and below each step its children."""
    way: list[str | None] = []
    step = here
    while step is not None:
        way.append(step["id"])
        step = _by("id", step["parentId"], categories)
    parents = [None, *reversed(way)]
    rows = [[c for c in categories if c["parentId"] == parent] for parent in parents]
    return [[{**c, "chosen": c["id"] in way} for c in row] for row in rows if row]


def _choices(product: dict[str, Any]) -> list[dict[str, Any]]:
    """For each SKU the offer that is bought unless the buyer looks at `others`."""
    choices = []
    for sku in product["skus"]:
        offers = [_choice(sku, offer) for offer in sku["offers"]]
        # From the best to the least good: the first that has a key comes first, and what comes at
        # once before what a person delivers.
        best, *others = sorted(offers, key=lambda one: (not one["buyable"], one["by_hand"]))
        choices.append({**best, "others": others})
    return choices


def _choice(sku: dict[str, Any], offer: dict[str, Any]) -> dict[str, Any]:
    """One offer of a SKU. Its price travels with the form as what the buyer has accepted."""
    return {
        "value": f"{sku['id']}.{offer['id']}.{offer['price']['amountMinor']}",
        "name": sku["name"],
        "offer": offer,
        "by_hand": offer["deliveryMode"] in BY_HAND,
        "minutes": sku["manualMinutes"],
        "buyable": offer["stock"]["quantity"] > 0 and offer["deliveryMode"] in sku["deliveryModes"],
    }


def _chosen(choices: list[dict[str, Any]], form: Form | None) -> str | None:
    """The choice to begin with: the buyer's own, at today's price, or the first that there is."""
    everything = [one for choice in choices for one in (choice, *choice["others"])]
    buyable = [choice["value"] for choice in everything if choice["buyable"]]
    wished = _without_price(form.text("choice")) if form else None
    again = (value for value in buyable if _without_price(value) == wished)
    return next(again, next(iter(buyable), None))


def _without_price(choice: str) -> str:
    return choice.rpartition(".")[0]


def _slug(visit: Visit) -> str:
    slug: str = visit.request.path_params["slug"]
    if not _SLUG.fullmatch(slug):
        raise PageRefused(404)
    return slug


def _by(key: str, value: object, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((row for row in rows if row[key] == value), None)
