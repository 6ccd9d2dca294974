"""The orders in which a page has its products: the shop's own, by name, the newest first.

Each is read along an index, from a place on, as far as the page goes. A price is no such order: it
is made of the rules of a path, by `tenants.pricing`, and no index has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Sort = Literal["POSITION", "NAME", "NEWEST"]


@dataclass(frozen=True, slots=True)
class _Order:
    """One order: what a cursor keeps of a place, how an index has it, and what lies behind."""

    key: str
    by: str
    follows: str
    """The condition on what lies behind the place of `{key}` and `{id}`."""
    falls: bool = False


MOST_OWN_PLACE: Final = 1_000_000
"""What a shop has put in a place of its own stands before all else, which keeps the platform's
order. The keys of cursors go on through both, so a list goes on when a shop begins to order."""
_ORDERS: Final[dict[Sort, _Order]] = {
    "POSITION": _Order(
        f"p.position::bigint + {MOST_OWN_PLACE}",
        "p.position, p.id",
        f"(p.position, p.id) > ({{key}}::bigint - {MOST_OWN_PLACE}, {{id}}::uuid)",
    ),
    "NAME": _Order("p.name_zh", "p.name_zh, p.id", "(p.name_zh, p.id) > ({key}::text, {id}::uuid)"),
    # Ids are in the order of their making.
    "NEWEST": _Order("p.id", "p.id desc", "p.id < least({key}::uuid, {id}::uuid)", falls=True),
}
_OWN_ORDER: Final = _Order(
    "placed.position",
    "placed.position, p.id",
    "(placed.position, p.id) > ({key}::bigint, {id}::uuid)",
)
_SHOP: Final = "($1::uuid[])[cardinality($1::uuid[])]"
"""The last of the path."""
# A product has the first of the places that the shop has given to its SKUs.
_PLACED: Final = f"""(
    select s.product_id, min(l.position)::bigint as position
    from tenant_listings l join skus s on s.id = l.sku_id and s.status = 'ACTIVE'
    where l.tenant_id = {_SHOP} and l.position is not null group by s.product_id
) as placed"""
_NOT_PLACED: Final = f"""
not exists (select from skus s join tenant_listings l on l.sku_id = s.id
            where s.product_id = p.id and s.status = 'ACTIVE'
              and l.tenant_id = {_SHOP} and l.position is not null)"""


def ordered_products(
    sort: Sort,
    *,
    own_order: bool,
    described: bool,
    where: Sequence[str],
    place: tuple[str, str] | None,
) -> str:
    """Write the products of a page in their order: each with its key in a cursor, and its place.

    `where` is about `p`, `place` names the values of a cursor, $1 is the path, $2 how many.
    """
    order = _ORDERS[sort]
    way = "desc" if order.falls else "asc"
    found = _along(order, described, where, place)
    if own_order:
        own = _along(_OWN_ORDER, described, where, place, joined=f"{_PLACED} on true")
        others = _along(order, described, [*where, _NOT_PLACED], place)
        found = f"select * from (({own}) union all ({others})) as found order by key, id limit $2"
    return f"""
        select found.*, row_number() over (order by key {way}, id {way}) as place
        from ({found}) as found"""


def _along(
    order: _Order,
    described: bool,
    where: Sequence[str],
    place: tuple[str, str] | None,
    *,
    joined: str = "",
) -> str:
    wanted = [*where]
    if joined:
        wanted.append("placed.product_id = p.id")
    if place is not None:
        wanted.append(order.follows.format(key=place[0], id=place[1]))
    return f"""
        select p.id, p.category_id, p.slug, p.name_zh, p.name_en, p.platform, p.position,
               {"p.description_zh, p.description_en" if described else "'', ''"},
               {order.key} as key
        from products p {f"join {joined}" if joined else ""}
        where {" and ".join(wanted)}
        order by {order.by} limit $2"""
