"""Orders as their buyers and their shop see them: no cost, no supplier, no secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from billing.payment_methods.bank_transfer import what_to_transfer
from billing.payment_methods.base import Transfer
from kernel import cursors, db
from kernel.crypto import Sealed
from kernel.errors import NotFound
from kernel.statements import Statement
from orders.forms import LineForm
from orders.manual.progress import Progress, progress_of
from orders.records import SEEN_BY_VIEWER, Viewer
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
    replaced_by: UUID | None = None
    """The key that the buyer has for this one, which is bad."""


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of an order. The names are the shop's own title where it had one at the sale."""

    id: UUID
    sku_id: UUID
    product_slug: str
    name_zh: str
    name_en: str
    quantity: int
    unit_price_minor: int
    total_minor: int
    discount_minor: int
    refunded_minor: int
    returned_quantity: int
    keys: tuple[KeyView, ...]
    commitments: tuple[str, ...]
    delivery_mode: str
    form: LineForm | None = None
    """What the buyer said for it, sealed: for the buyer, and for whoever delivers."""
    progress: Progress | None = None
    """How far what a person delivers is."""


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
    transfer: Transfer | None = None
    """What the buyer is to transfer, while that is what the order waits for."""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of orders, the newest first."""

    rows: tuple[OrderView, ...]
    cursors: tuple[str, ...]
    has_next: bool


# An unpaid order past its time is expired on read, worker or no worker. A line is a row; its keys
# are an array, so that a long line does not repeat its order for each of them.
_ORDERS = """
select shown.*, line.id as line_id, line.sku_id, product.slug as product_slug,
       coalesce(line.title, sku.name_zh) as name_zh, coalesce(line.title, sku.name_en) as name_en,
       line.quantity, line.unit_price_minor,
       line.net_minor - line.funded_minor as line_total_minor,
       line.unit_price_minor * line.quantity - line.net_minor + line.funded_minor
           as discount_minor,
       line.refunded_minor as line_refunded_minor, line.returned_quantity,
       (select array_agg(row(handed.id, key.serial, encode(key.commitment, 'hex'),
                             handed.delivered_at, handed.revealed_at, handed.returned_at,
                             handed.replaced_by)
                         order by handed.id)
        from delivered_keys handed join sealed_keys key on key.id = handed.key_id
        where handed.order_id = shown.id and handed.line_id = line.id) as keys,
       (select array_agg(encode(key.commitment, 'hex') order by key.id)
        from sealed_keys key
        where key.id = any (line.key_ids) and key.commitment is not null) as commitments,
       line.delivery_mode::text, form.form, form.form_key_id,
       case when shown.by_hand then
           (select row(manual.state::text, manual.minutes, manual.due_at, manual.begun_at,
                       manual.ended_at, manual.asked_fields, manual.words_key_id, manual.words)
            from manual_deliveries manual where manual.line_id = line.id) end as progress,
       case when shown.status = 'PENDING_PAYMENT' then
           (select row(payment.provider_ref, payment.channel_minor::bigint)
            from payments payment
            where payment.order_id = shown.id and payment.status = 'PENDING'
              and payment.method = 'BANK_TRANSFER'
            order by payment.id desc limit 1) end as transfer
from (
    select id, no,
           case when status = 'PENDING_PAYMENT' and expires_at <= platform_now()
                then 'EXPIRED' else status end as status,
           currency, total_minor, refunded_minor, version, created_at, expires_at, paid_at,
           delivered_at, by_hand
    from orders where tenant_id = :tenant_id::uuid and {which}
    order by created_at desc, id desc limit {limit}
) as shown
join order_lines line on line.order_id = shown.id
left join order_forms form on (form.order_id, form.line_id) = (shown.id, line.id)
join skus sku on sku.id = line.sku_id
join products product on product.id = sku.product_id
order by shown.created_at desc, shown.id desc, line.id
"""
_ORDER_COLUMNS = 12
ONE_BY_ID = Statement(_ORDERS.format(which="id = :order_id::uuid", limit="1"))
_ONE_PURCHASE = Statement(
    _ORDERS.format(which="no = :order_no::text and at_cost", limit="1"),
)
_BY_REFERENCE = Statement(
    _ORDERS.format(which="client_reference = :client_reference::text and at_cost", limit="1")
)
ONE_OF_VIEWER = Statement(
    _ORDERS.format(
        which=f"no = :order_no::text and (:whole_shop::boolean or {SEEN_BY_VIEWER})", limit="1"
    )
)


@lru_cache
def page_statement(*, of_customer: bool, follows: bool, at_cost: bool = False) -> Statement:
    which = ["customer_id = :customer_id::uuid"] if of_customer else []
    if not of_customer:
        which.append("at_cost" if at_cost else "not at_cost")
    if follows:
        which.append("(created_at, id) < (:after_time::timestamptz, :after_id::uuid)")
    return Statement(_ORDERS.format(which=" and ".join(which), limit=":orders::int"))


async def order_view(*, shop: Shop, viewer: Viewer, order_no: str) -> OrderView:
    """The viewer's order, in the shop's core scope or in a round trip of its own.

    Raises `NotFound`, which says the same for a foreign order and for none at all.
    """
    if viewer.purchases:
        found = await _orders(shop, _ONE_PURCHASE, {"order_no": order_no})
    else:
        values = {"order_no": order_no, "whole_shop": viewer.whole_shop, **viewer.values()}
        found = await _orders(shop, ONE_OF_VIEWER, values)
    if not found:
        raise NotFound("There is no such order.", field="orderNo")
    return found[0]


async def purchase_view(*, shop: Shop, client_reference: str) -> OrderView | None:
    """What the shop has bought at cost under a reference of its own, or None."""
    found = await _orders(shop, _BY_REFERENCE, {"client_reference": client_reference})
    return found[0] if found else None


async def order_view_by_id(*, shop: Shop, order_id: UUID) -> OrderView:
    """An order that the caller has just written or been shown."""
    return (await _orders(shop, ONE_BY_ID, {"order_id": order_id}))[0]


async def orders_page(
    *,
    shop: Shop,
    customer_id: UUID | None,
    first: int | None,
    after: str | None,
    at_cost: bool = False,
) -> OrderPage:
    """A customer's orders, or (None) the whole shop's: what it has sold, or what it has bought at
    cost. The caller has checked who asks."""
    size = cursors.page_size(first)
    about = f"orders:{customer_id or ('at cost' if at_cost else 'shop')}"
    place = cursors.read(after, tenant_id=shop.id, about=about)
    values: dict[str, Any] = {"orders": size + 1, "customer_id": customer_id}
    if place is not None:
        values |= {"after_time": datetime.fromisoformat(place[0]), "after_id": UUID(place[1])}
    statement = page_statement(
        of_customer=customer_id is not None, follows=place is not None, at_cost=at_cost
    )
    found = await _orders(shop, statement, values)
    shown = tuple(found[:size])
    marks = tuple(
        cursors.write([order.created_at.isoformat(), str(order.id)], tenant_id=shop.id, about=about)
        for order in shown
    )
    return OrderPage(shown, marks, len(found) > size)


async def _orders(shop: Shop, statement: Statement, values: dict[str, Any]) -> list[OrderView]:
    """One statement for any number of orders."""
    scope = db.core_scope(shop.id, path=shop.path)
    given = statement.values({**values, "tenant_id": shop.id})
    rows = await db.read(scope, statement.sql, *given)
    return [_order(list(lines)) for _, lines in groupby(rows, key=itemgetter("id"))]


def _order(rows: Sequence[Mapping[str, Any]]) -> OrderView:
    """An order out of the rows of its lines."""
    columns = [*rows[0].values()][: _ORDER_COLUMNS - 1]  # that something is by hand, lines say
    lines = tuple(_line(row) for row in rows)
    return OrderView(*[*columns, lines, _transfer(rows[0])])


def _transfer(row: Mapping[str, Any]) -> Transfer | None:
    if row["transfer"] is None:
        return None
    reference, amount_minor = row["transfer"]
    return what_to_transfer(reference, amount_minor=amount_minor, currency=row["currency"])


def _line(row: Mapping[str, Any]) -> LineView:
    *columns, keys, commitments, mode, form, key_id, progress, _ = [*row.values()][_ORDER_COLUMNS:]
    views = tuple(KeyView(*key) for key in keys or ())
    said = LineForm(row["line_id"], Sealed(key_id, form)) if form is not None else None
    far = progress_of(row["line_id"], progress)
    return LineView(*[*columns, views, tuple(commitments or ()), mode, said, far])
