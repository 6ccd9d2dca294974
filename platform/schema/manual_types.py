"""What a person delivers, as its buyer and as who delivers see it."""

from datetime import datetime
from enum import Enum

import strawberry

from kernel.ids import public_id
from orders.manual.listing import DeliveryPage, DeliveryRow
from orders.manual.progress import Progress
from schema.connections import PageInfo
from schema.context import Context
from schema.delivery_modes import DeliveryMode


@strawberry.enum
class ManualState(Enum):
    """How far a delivery by hand is: UNPAID; DUE, until somebody has BEGUN; NEEDS_CORRECTION, while
    the buyer is asked and the clock stands still; DELIVERED; or it came to nothing, and the money
    went back: REFUSED by who delivers, MISSED in its time, CANCELED by the buyer."""

    UNPAID = "UNPAID"
    DUE = "DUE"
    BEGUN = "BEGUN"
    NEEDS_CORRECTION = "NEEDS_CORRECTION"
    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    MISSED = "MISSED"
    CANCELED = "CANCELED"


@strawberry.type(description="How far a line is that a person delivers within a stated time.")
class ManualProgress:
    """`dueAt` is when it ends by itself and the money goes back: `minutes` from the payment on, or,
    while the buyer is asked for `askedFields`, the time to answer. `words` are the deliverer's to
    the buyer."""

    state: ManualState
    minutes: int
    due_at: datetime | None
    begun_at: datetime | None
    ended_at: datetime | None
    asked_fields: list[str] = strawberry.field(metadata={"assumed_size": 2})
    words: str | None


@strawberry.type(description="A line that the caller delivers. Whose shop sold it is not said.")
class ManualDelivery:
    """`words` is what the buyer was last told. What the buyer has said opens with `manualBegin`."""

    line_id: strawberry.ID
    sku_code: str
    name: str
    quantity: int
    delivery_mode: DeliveryMode
    state: ManualState
    due_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    asked_fields: list[str] = strawberry.field(metadata={"assumed_size": 2})
    words: str | None


@strawberry.type
class ManualDeliveryEdge:
    """A delivery and the cursor that continues after it."""

    cursor: str
    node: ManualDelivery


@strawberry.type
class ManualDeliveryConnection:
    """A page of deliveries, the soonest due first; a member's tier may bring its line forward."""

    edges: list[ManualDeliveryEdge]
    page_info: PageInfo


def progress_type(progress: Progress | None, *, to_buyer: bool) -> ManualProgress | None:
    """Show how far a line is; what its deliverer has said is for the buyer alone."""
    if progress is None:
        return None
    words = progress.words.text() if progress.words is not None and to_buyer else None
    return ManualProgress(
        state=ManualState(progress.state),
        minutes=progress.minutes,
        due_at=progress.due_at,
        begun_at=progress.begun_at,
        ended_at=progress.ended_at,
        asked_fields=list(progress.asked_fields),
        words=words,
    )


def delivery_type(row: DeliveryRow, context: Context) -> ManualDelivery:
    """Show a delivery to who delivers."""
    return ManualDelivery(
        line_id=strawberry.ID(public_id("lin", row.line_id)),
        sku_code=row.code,
        name=context.words(row.name_zh, row.name_en),
        quantity=row.quantity,
        delivery_mode=DeliveryMode("DIRECT_TOPUP" if row.by_account else "MANUAL"),
        state=ManualState(row.state),
        due_at=row.due_at,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        asked_fields=list(row.asked_fields),
        words=row.words.text() if row.words is not None else None,
    )


def delivery_connection(page: DeliveryPage, context: Context) -> ManualDeliveryConnection:
    """Show a page of deliveries."""
    edges = [
        ManualDeliveryEdge(cursor=cursor, node=delivery_type(row, context))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return ManualDeliveryConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )
