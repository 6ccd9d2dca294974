"""An order that was just written, as its buyer sees it: nothing is read back."""

from orders.drafts import DraftLine
from orders.forms import LineForm
from orders.placing import Placed, PlacedKey
from orders.queries import KeyView, LineView, OrderView


def view_of(placed: Placed) -> OrderView:
    """The same view that reading the order would give."""
    draft = placed.draft
    paid_at = placed.now if draft.payment is not None else None
    return OrderView(
        id=draft.id,
        no=draft.no,
        status="DELIVERED" if paid_at else "PENDING_PAYMENT",
        currency=draft.shop.currency,
        total_minor=draft.total_minor,
        refunded_minor=0,
        version=1,
        created_at=placed.now,
        expires_at=placed.expires_at,
        paid_at=paid_at,
        delivered_at=paid_at,
        lines=tuple(_line(line, placed) for line in sorted(draft.lines, key=lambda line: line.id)),
    )


def _line(line: DraftLine, placed: Placed) -> LineView:
    quoted, keys = line.quoted, [key for key in placed.keys if key.line_id == line.id]
    return LineView(
        id=line.id,
        sku_id=quoted.sku.id,
        product_slug=quoted.sku.row["product_slug"],
        name_zh=quoted.sku.title or quoted.sku.row["sku_name_zh"],
        name_en=quoted.sku.title or quoted.sku.row["sku_name_en"],
        quantity=quoted.quantity,
        unit_price_minor=quoted.offer.unit_price_minor,
        total_minor=quoted.total_minor,
        discount_minor=quoted.discount_minor,
        refunded_minor=0,
        returned_quantity=0,
        keys=_delivered(keys, placed),
        commitments=tuple(key.commitment.hex() for key in sorted(keys, key=lambda key: key.key_id)),
        form=LineForm(line.id, sealed) if (sealed := placed.draft.forms.get(line.id)) else None,
    )


def _delivered(keys: list[PlacedKey], placed: Placed) -> tuple[KeyView, ...]:
    views = [
        KeyView(
            id=key.delivered_id,
            serial=key.serial,
            commitment_hex=key.commitment.hex(),
            delivered_at=placed.now,
            revealed_at=None,
            returned_at=None,
        )
        for key in keys
        if key.delivered_id is not None
    ]
    return tuple(sorted(views, key=lambda view: view.id))
