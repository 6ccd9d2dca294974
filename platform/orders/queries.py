"""Orders as their buyers and their shop see them: no cost, no supplier, no secret."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel import cursors, db
from orders import records
from orders.records import Viewer
from tenants.directory import Shop


@dataclass(frozen=True, slots=True)
class KeyView:
    """A delivered key before it is opened: what it is, and what it was promised to be."""

    id: UUID
    serial: str
    commitment_hex: str
    delivered_at: datetime
    revealed_at: datetime | None
    returned_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of an order."""

    id: UUID
    sku_id: UUID
    product_slug: str
    name_zh: str
    name_en: str
    quantity: int
    unit_price_minor: int
    net_minor: int
    refunded_minor: int
    returned_quantity: int
    keys: tuple[KeyView, ...]
    commitments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order with its lines."""

    id: UUID
    no: str
    status: str
    currency: str
    total_minor: int
    refunded_minor: int
    version: int
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of orders, the newest first."""

    rows: tuple[OrderView, ...]
    cursors: tuple[str, ...]
    has_next: bool


# An unpaid order past its time is expired on read, worker or no worker.
_ORDERS = """
select id, no, currency, total_minor, refunded_minor, version, created_at, expires_at, paid_at,
       delivered_at,
       case when status = 'PENDING_PAYMENT' and expires_at <= platform_now()
            then 'EXPIRED' else status end as status
from orders where tenant_id = $1 and {which}
order by created_at desc, id desc limit {limit}
"""


async def order_view(*, shop: Shop, viewer: Viewer, order_no: str) -> OrderView:
    """The viewer's order. Raises `NotFound`. Needs a core transaction of the shop."""
    order = await records.order_by_no(order_no, viewer)
    rows = await db.fetch(_ORDERS.format(which="id = $2", limit="1"), shop.id, order.id)
    return (await _with_lines(rows))[0]


async def order_view_by_id(*, shop: Shop, order_id: UUID) -> OrderView:
    """An order that the caller has just written or been shown."""
    rows = await db.fetch(_ORDERS.format(which="id = $2", limit="1"), shop.id, order_id)
    return (await _with_lines(rows))[0]


async def orders_page(
    *, shop: Shop, customer_id: UUID | None, first: int | None, after: str | None
) -> OrderPage:
    """A customer's orders, or (None) the whole shop's: the caller has checked who asks."""
    size = cursors.page_size(first)
    about = f"orders:{customer_id or 'shop'}"
    place = cursors.read(after, tenant_id=shop.id, about=about)
    values: list[object] = [shop.id, size + 1]
    which = ["true"]
    if customer_id is not None:
        values.append(customer_id)
        which.append(f"customer_id = ${len(values)}")
    if place is not None:
        values += [datetime.fromisoformat(place[0]), UUID(place[1])]
        which.append(f"(created_at, id) < (${len(values) - 1}, ${len(values)})")
    rows = await db.fetch(_ORDERS.format(which=" and ".join(which), limit="$2"), *values)
    shown = await _with_lines(rows[:size])
    marks = tuple(
        cursors.write([order.created_at.isoformat(), str(order.id)], tenant_id=shop.id, about=about)
        for order in shown
    )
    return OrderPage(tuple(shown), marks, len(rows) > size)


async def _with_lines(rows: Sequence[Mapping[str, Any]]) -> list[OrderView]:
    """Two more statements for any number of orders."""
    order_ids = [row["id"] for row in rows]
    lines: dict[UUID, list[LineView]] = defaultdict(list)
    keys = await _keys(order_ids)
    for row in await db.fetch(
        """select l.id, l.order_id, l.sku_id, p.slug as product_slug, s.name_zh, s.name_en,
                  l.quantity, l.unit_price_minor, l.net_minor, l.refunded_minor,
                  l.returned_quantity,
                  (select array_agg(encode(k.commitment, 'hex') order by k.id)
                   from sealed_keys k where k.id = any (l.key_ids)) as commitments
           from order_lines l join skus s on s.id = l.sku_id join products p on p.id = s.product_id
           where l.order_id = any ($1) order by l.id""",
        order_ids,
    ):
        values = dict(row)
        order_id = values.pop("order_id")
        values["commitments"] = tuple(values["commitments"] or ())
        lines[order_id].append(LineView(**values, keys=keys[row["id"]]))
    return [OrderView(**row, lines=tuple(lines[row["id"]])) for row in rows]


async def _keys(order_ids: Sequence[UUID]) -> dict[UUID, tuple[KeyView, ...]]:
    found: dict[UUID, tuple[KeyView, ...]] = defaultdict(tuple)
    for row in await db.fetch(
        """select d.id, d.line_id, k.serial, encode(k.commitment, 'hex') as commitment_hex,
                  d.delivered_at, d.revealed_at, d.returned_at
           from delivered_keys d join sealed_keys k on k.id = d.key_id
           where d.order_id = any ($1) order by d.id""",
        order_ids,
    ):
        values = dict(row)
        found[values.pop("line_id")] += (KeyView(**values),)
    return found
