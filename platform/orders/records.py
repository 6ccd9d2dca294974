"""Rows of a sale as the use cases of this room handle them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel import crypto, db
from kernel.errors import NotFound, Refusal
from offers.delivery_modes import BY_HAND
from orders.line_fundings import OF_ALL, OF_DISCOUNTS
from promotions.points.parts import OF_LINE


class HoldExpired(Refusal):
    """The time to pay is over; the keys may have gone to somebody else."""

    code = "HOLD_EXPIRED"


@dataclass(frozen=True, slots=True)
class Order:
    """An order's row. `expired` was read on the database's clock."""

    id: UUID
    tenant_id: UUID
    no: str
    customer_id: UUID | None
    guest_token_hash: bytes | None
    path: tuple[UUID, ...]
    currency: str
    total_minor: int
    refunded_minor: int
    payment_status: str
    aftersale_status: str
    version: int
    created_at: datetime
    expires_at: datetime
    expired: bool
    at_cost: bool

    @property
    def payable(self) -> bool:
        """True while a payment may be started."""
        return self.payment_status == "PENDING" and not self.expired


@dataclass(frozen=True, slots=True)
class Funding:
    """What somebody else than the buyer has put into a line's shares, and what of it was given back
    by refunds: a part of a discount that the shop does not bear, or what a supplier covers of a
    replacement. A None party is the platform."""

    id: UUID
    kind: str
    party_id: UUID | None
    amount_minor: int
    returned_minor: int = 0

    @property
    def left_minor(self) -> int:
        """What was not given back."""
        return self.amount_minor - self.returned_minor


@dataclass(frozen=True, slots=True)
class Line:
    """One order line. Its shares add up to `net_minor`, of which others than the buyer pay
    `funded_minor`. `point_minor` is a point's worth, where the line has to do with points."""

    id: UUID
    order_id: UUID
    sku_id: UUID
    supplier_listing_id: UUID
    quantity: int
    unit_price_minor: int
    net_minor: int
    refunded_minor: int
    returned_quantity: int
    channel_fee_minor: int
    key_ids: tuple[UUID, ...]
    funded_minor: int = 0
    fundings: tuple[Funding, ...] = ()
    delivery_mode: str = "AUTO_KEY"
    earned_points: int = 0
    point_minor: int = 0

    @property
    def by_hand(self) -> bool:
        """True for what a person delivers."""
        return self.delivery_mode in BY_HAND

    @property
    def paid_minor(self) -> int:
        """What the buyer pays for the line."""
        return self.net_minor - self.funded_minor

    @property
    def earned_minor(self) -> int:
        """What the points are worth that it earns."""
        return self.earned_points * self.point_minor


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One frozen share of a line and what has been taken back of it; `fx_rate_id` is the rate that
    an EXCHANGE was priced at (`foreign_supply.py`)."""

    id: UUID
    line_id: UUID
    party_kind: str
    party_id: UUID | None
    role: str
    amount_minor: int
    reversed_minor: int
    currency: str = ""
    fx_rate_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks for an order: a customer, or whoever holds its token, or the shop's own staff.

    With `purchases` it is the shop as a buyer, of what it has bought at cost and of nothing else.

    With the hash of a customer's own token a payment is started only while that is good.
    """

    customer_id: UUID | None = None
    guest_token: str | None = None
    whole_shop: bool = False
    token_hash: bytes | None = None
    purchases: bool = False

    @property
    def is_guest(self) -> bool:
        """True for whom only an order's token opens the order."""
        return self.customer_id is None and not self.purchases

    def values(self) -> dict[str, Any]:
        """Give the values of `SEEN_BY_VIEWER` and of `admission.PAYMENT_REFUSAL`."""
        guest_token_hash = crypto.token_hash(self.guest_token) if self.guest_token else None
        return {
            "viewer_id": self.customer_id,
            "guest_token_hash": guest_token_hash,
            "token_hash": self.token_hash,
        }


SEEN_BY_VIEWER = """
(case when orders.customer_id is not null then orders.customer_id = :viewer_id::uuid
      else orders.guest_token_hash = :guest_token_hash::bytea end)
"""
"""Whether an order is this customer's, or of this token; null is no. For a `Viewer` of his own."""


_ORDER = """
select id, tenant_id, no, customer_id, guest_token_hash, path, currency, total_minor,
       refunded_minor, payment_status, aftersale_status, version, created_at, expires_at,
       expires_at <= platform_now() as expired, at_cost
from orders where {which} {lock}
"""


def guest_token(order_id: UUID) -> str:
    """The 160-bit token of a guest's order. Derived, so that a repeated request gets it again."""
    return crypto.derived_token("kmg", f"guest-order:{order_id}")


async def locked_order(order_id: UUID) -> Order:
    """The order, locked until the transaction ends; `NotFound` outside the tenant's fence."""
    row = await db.fetch_row(_ORDER.format(which="id = $1", lock="for no key update"), order_id)
    if row is None:
        raise NotFound("There is no such order.", field="orderNo")
    return _order(row)


async def order_by_no(no: str, viewer: Viewer, *, lock: bool = False) -> Order:
    """The viewer's order; `NotFound` says the same for a foreign order and for none at all."""
    clause = "for no key update" if lock else ""
    row = await db.fetch_row(
        _ORDER.format(which="no = $1 and tenant_id = current_tenant_id()", lock=clause), no
    )
    if row is None or not _may_see(row, viewer):
        raise NotFound("There is no such order.", field="orderNo")
    return _order(row)


def _may_see(row: Mapping[str, Any], viewer: Viewer) -> bool:
    if viewer.whole_shop:
        return True
    if viewer.purchases or row["at_cost"]:
        return viewer.purchases and bool(row["at_cost"])
    if row["customer_id"] is not None:
        return bool(row["customer_id"] == viewer.customer_id)
    if viewer.guest_token is None:
        return False
    return bool(row["guest_token_hash"] == crypto.token_hash(viewer.guest_token))


def _order(row: Mapping[str, Any]) -> Order:
    return Order(**{**row, "path": tuple(row["path"])})


_LINES = f"""
select line.id, line.order_id, line.sku_id, line.supplier_listing_id, line.quantity,
       line.unit_price_minor, line.net_minor, line.refunded_minor, line.returned_quantity,
       line.channel_fee_minor, line.key_ids, line.funded_minor, {OF_ALL},
       line.delivery_mode,
       {OF_LINE}
from order_lines line where line.order_id = $1 order by line.supplier_listing_id, line.id
"""


async def lines_of(order_id: UUID) -> list[Line]:
    """The order's lines, in the order in which locks are taken."""
    return [_line(tuple(row.values())) for row in await db.fetch(_LINES, order_id)]


def _line(values: Sequence[Any]) -> Line:
    *columns, key_ids, funded_minor, fundings, delivery_mode, earned_points, point_minor = values
    given = tuple(Funding(*one) for one in fundings or ())
    points = (earned_points, point_minor)
    return Line(*[*columns, tuple(key_ids), funded_minor, given, delivery_mode, *points])


async def shares_of(order_id: UUID) -> list[ShareRow]:
    """The frozen split of an order, in the order that breaks ties."""
    rows = await db.fetch(
        """select id, line_id, party_kind, party_id, role, amount_minor, reversed_minor,
                  currency::text as currency, fx_rate_id
           from line_shares where order_id = $1
           order by line_id,
                    array_position(array['SUPPLY', 'EXCHANGE', 'SUPPLIER_COMMISSION',
                    'WHOLESALE_MARGIN', 'AGENT_MARGIN', 'AFFILIATE', 'SHOP_MARGIN'], role), id""",
        order_id,
    )
    return [ShareRow(**row) for row in rows]


_LINES_AND_SHARES = f"""
select line.id, line.order_id, line.sku_id, line.supplier_listing_id, line.quantity,
       line.unit_price_minor, line.net_minor, line.refunded_minor, line.returned_quantity,
       line.channel_fee_minor, line.key_ids, line.funded_minor, {OF_DISCOUNTS}, line.delivery_mode,
       {OF_LINE},
       share.id as share_id, share.party_kind,
       share.party_id, share.role, share.amount_minor, share.reversed_minor,
       share.currency::text as currency {{more}}
from {{lines}}
left join line_shares share on share.order_id = line.order_id and share.line_id = line.id
where line.order_id = $1 order by line.supplier_listing_id, line.id, share.id
"""
_LINE_COLUMNS = 16
_OF_ORDER = _LINES_AND_SHARES.format(more="", lines="order_lines line")
PAYABLE_ORDER = _LINES_AND_SHARES.format(
    more=""", cardinality(orders.path) = 1 as root_sells,
       orders.payment_status = 'PENDING' and orders.expires_at > platform_now() as is_payable""",
    lines="order_lines line join orders on orders.id = line.order_id",
)


async def lines_and_shares(order_id: UUID) -> tuple[list[Line], list[ShareRow]]:
    """The order's lines and everybody's part of them, in one statement: for a settlement."""
    return _lines_and_shares(await db.fetch(_OF_ORDER, order_id))


@dataclass(frozen=True, slots=True)
class PayableOrder:
    """What is sold with an order that waits for its money; read without a lock."""

    root_sells: bool
    lines: list[Line]
    shares: list[ShareRow]


async def payable_order(tenant_id: UUID, order_id: UUID) -> PayableOrder | None:
    """Read an order that may still be paid, in a round trip of its own; None if it may not."""
    rows = await db.read(db.core_scope(tenant_id), PAYABLE_ORDER, order_id)
    if not rows or not rows[0]["is_payable"]:
        return None
    return PayableOrder(rows[0]["root_sells"], *_lines_and_shares(rows))


def _lines_and_shares(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Line], list[ShareRow]]:
    lines: dict[UUID, Line] = {}
    shares: list[ShareRow] = []
    for row in rows:
        values = tuple(row.values())
        if row["id"] not in lines:
            lines[row["id"]] = _line(values[:_LINE_COLUMNS])
        if row["share_id"] is not None:
            share = values[_LINE_COLUMNS + 1 : _LINE_COLUMNS + 7]
            shares.append(ShareRow(row["share_id"], row["id"], *share))
    return list(lines.values()), shares


def no_such_key() -> NotFound:
    """The refusal for a key that is foreign, returned, or none at all."""
    return NotFound("There is no such key in this order.", field="deliveredKeyIds")
