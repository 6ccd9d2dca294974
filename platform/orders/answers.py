"""An order that was just written, as its buyer sees it: nothing is read back."""

from datetime import timedelta

from orders.draft_lines import DraftLine
from orders.forms import LineForm
from orders.manual import manual_parts
from orders.manual.progress import Progress
from orders.placing import Placed, PlacedKey
from orders.queries import KeyView, LineView, OrderView


def view_of(placed: Placed) -> OrderView:
    """The same view that reading the order would give."""
    draft = placed.draft
    paid_at = placed.now if draft.payment is not None else None
    return OrderView(
        id=draft.id,
        no=draft.no,
        status=manual_parts.fulfilment(draft) if paid_at else "PENDING_PAYMENT",
        currency=draft.shop.currency,
        total_minor=draft.total_minor,
        refunded_minor=0,
        version=1,
        created_at=placed.now,
        expires_at=placed.expires_at,
        paid_at=paid_at,
        delivered_at=None if draft.by_hand else paid_at,
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
        discount_minor=quoted.discount_minor + quoted.redeemed_minor,
        refunded_minor=0,
        returned_quantity=0,
        keys=_delivered(keys, placed),
        commitments=tuple(
            key.commitment.hex()
            for key in sorted(keys, key=lambda key: key.key_id)
            if key.commitment is not None
        ),
        delivery_mode=quoted.delivery_mode,
        form=LineForm(line.id, sealed) if (sealed := placed.draft.forms.get(line.id)) else None,
        progress=_progress(line, placed),
    )


def _progress(line: DraftLine, placed: Placed) -> Progress | None:
    """How far what a person delivers is: its clock runs from the payment on."""
    minutes = line.quoted.manual_minutes
    if minutes is None:
        return None
    if placed.draft.payment is None:
        return Progress("UNPAID", minutes)
    return Progress("DUE", minutes, due_at=placed.now + timedelta(minutes=minutes))


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
        if key.delivered_id is not None and key.commitment is not None
    ]
    return tuple(sorted(views, key=lambda view: view.id))
