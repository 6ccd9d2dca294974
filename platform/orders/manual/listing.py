"""What waits at a deliverer's desk: no shop, no buyer, no price, and nothing of what was said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import cursors, db
from kernel.crypto import Sealed
from orders.manual.progress import Words
from orders.manual.tasks import OPEN, Deliverer


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery. Of a line that is paid, so it has a time."""

    line_id: UUID
    code: str
    name_zh: str
    name_en: str
    quantity: int
    by_account: bool
    state: str
    due_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    asked_fields: tuple[str, ...]
    place_at: datetime
    """By what it stands in line: when it is due, or so much earlier as its buyer's tier brings."""
    words: Words | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of deliveries by their places in line."""

    rows: tuple[DeliveryRow, ...]
    cursors: tuple[str, ...]
    has_next: bool


# Row-level security says whose: `Deliverer.scope`.
_ROWS: Final = """
select manual.line_id, sku.code, sku.name_zh, sku.name_en, manual.quantity, manual.by_account,
       manual.state::text, manual.due_at, manual.begun_at, manual.ended_at, manual.asked_fields,
       manual.place_at, manual.words_key_id, manual.words
from manual_deliveries manual join skus sku on sku.id = manual.sku_id
where {which}
order by manual.place_at, manual.line_id limit {limit}
"""
_PAGE: Final = _ROWS.format(
    which="""manual.state = any ($1::text[]) and manual.state <> 'UNPAID'
  and ($2::timestamptz is null or (manual.place_at, manual.line_id) > ($2, $3::uuid))""",
    limit="$4",
)
_ONE: Final = _ROWS.format(which="manual.line_id = $1 and manual.state <> 'UNPAID'", limit="1")


async def deliveries_page(
    who: Deliverer, *, state: str | None, first: int | None, after: str | None
) -> DeliveryPage:
    """What is open at the desk, or what is in one state. Raises `Invalid`."""
    size = cursors.page_size(first)
    about = f"manual:{who.supplier_id or 'all'}:{state or 'open'}"
    place = cursors.read(after, tenant_id=who.root_id, about=about)
    rows = await db.read(
        who.scope,
        _PAGE,
        list(OPEN) if state is None else [state],
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
    )
    shown = tuple(_row(row) for row in rows[:size])
    marks = tuple(
        cursors.write(
            [row.place_at.isoformat(), str(row.line_id)], tenant_id=who.root_id, about=about
        )
        for row in shown
    )
    return DeliveryPage(shown, marks, len(rows) > size)


async def one_delivery(who: Deliverer, line_id: UUID) -> DeliveryRow:
    """A delivery that the caller has just changed."""
    (row,) = await db.read(who.scope, _ONE, line_id)
    return _row(row)


def _row(row: Mapping[str, Any]) -> DeliveryRow:
    *columns, asked_fields, place_at, key_id, words = row.values()
    said = None if words is None else Words(row["line_id"], Sealed(key_id, words))
    return DeliveryRow(*[*columns, tuple(asked_fields), place_at, said])
