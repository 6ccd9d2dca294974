"""Earnings of affiliates that somebody has to look at: held, decided about, appealed against.

What speaks against an earning holds the commissions of the order, and nothing else of it. The shop
decides: CLEARED lets them go where they would have gone, UPHELD leaves them where they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from affiliates.fraud import Hit, suspicions
from kernel import cursors, db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from orders.conversions.facts import facts_of
from orders.earnings import holding
from orders.split import PartyKind

LONGEST_TEXT: Final = 500
_ABOUT: Final = "affiliate reviews"


class AlreadyDecided(Refusal):
    """Somebody has decided, or has appealed."""

    code = "WRONG_STATE"


class ReviewStatus(StrEnum):
    """OPEN: the commissions are held, and nobody has looked yet."""

    OPEN = "OPEN"
    CLEARED = "CLEARED"
    UPHELD = "UPHELD"


@dataclass(frozen=True, slots=True)
class Review:
    """What was seen of an order's commissions, and what became of it."""

    id: UUID
    order_no: str
    affiliate_id: UUID
    suspicions: tuple[str, ...]
    words: tuple[str, ...]
    status: ReviewStatus
    opened_at: datetime
    decided_at: datetime | None
    note: str | None
    appeal: str | None
    appealed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """Some reviews, the newest first, each with its cursor."""

    rows: tuple[Review, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def look(tenant_id: UUID, order_id: UUID, affiliate_ids: Iterable[UUID]) -> None:
    """Hold an order's commissions if anything speaks against them; in its shop's transaction."""
    affiliate_ids = list(affiliate_ids)
    hits = suspicions(await facts_of(order_id, affiliate_ids))
    if hits:
        await _open(tenant_id, order_id, affiliate_ids[0], hits)


async def _open(tenant_id: UUID, order_id: UUID, affiliate_id: UUID, hits: tuple[Hit, ...]) -> None:
    review_id = new_id()
    await db.execute(
        """insert into affiliate_reviews (tenant_id, id, order_id, affiliate_id, suspicions, words)
           values ($1, $2, $3, $4, $5, $6)""",
        tenant_id,
        review_id,
        order_id,
        affiliate_id,
        [str(one.suspicion) for one in hits],
        [one.words for one in hits],
    )
    await holding.hold(order_id, None, review_id, "AFFILIATE_REVIEW", only=PartyKind.AFFILIATE)


_REVIEW: Final = """
select review.id, orders.no as order_no, review.affiliate_id, review.suspicions, review.words,
       review.status, review.opened_at, review.decided_at, review.note, review.appeal,
       review.appealed_at
from affiliate_reviews review
join orders on (orders.id, orders.tenant_id) = (review.order_id, review.tenant_id)
where review.tenant_id = current_tenant_id()
"""


async def decide(
    *, tenant_id: UUID, review_id: UUID, status: ReviewStatus, note: str, actor: str
) -> Review:
    """Clear the commissions, or leave them held; what was upheld may be cleared after an appeal.

    Raises `NotFound`, `Invalid`, and `AlreadyDecided`.
    """
    _require_text(note, field="note")
    if status is ReviewStatus.OPEN:
        raise Invalid("A review is cleared or upheld.", field="decision")
    async with db.transaction(db.core_scope(tenant_id)):
        changed = await db.execute(
            """update affiliate_reviews set status = $2, note = $3, decided_at = platform_now(),
                      decided_by = $4
               where id = $1 and tenant_id = current_tenant_id()
                 and (status = 'OPEN' or (status = 'UPHELD' and $2 = 'CLEARED'))""",
            review_id,
            str(status),
            note,
            actor,
        )
        found = await _one(review_id)
        if not changed:
            raise AlreadyDecided("Somebody has decided about it.", field="reviewId")
        if status is ReviewStatus.CLEARED:
            await holding.release(review_id)
    return found


async def appeal(*, tenant_id: UUID, affiliate_id: UUID, review_id: UUID, text: str) -> Review:
    """Say, once, why a commission is due. Raises `NotFound`, `Invalid`, `AlreadyDecided`."""
    _require_text(text, field="text")
    async with db.transaction(db.core_scope(tenant_id)):
        changed = await db.execute(
            """update affiliate_reviews set appeal = $3, appealed_at = platform_now()
               where id = $1 and tenant_id = current_tenant_id() and affiliate_id = $2
                 and appeal is null and status <> 'CLEARED'""",
            review_id,
            affiliate_id,
            text,
        )
        found = await _one(review_id, of=affiliate_id)
        if not changed:
            raise AlreadyDecided("An appeal is made once, before it is cleared.", field="reviewId")
    return found


async def reviews(
    *, tenant_id: UUID, affiliate_id: UUID | None, first: int | None, after: str | None
) -> ReviewPage:
    """A page of a shop's reviews, or of one affiliate's. Raises `Invalid`."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=tenant_id, about=_ABOUT)
    rows = await db.read(
        db.core_scope(tenant_id),
        f"""{_REVIEW} and ($1::uuid is null or review.affiliate_id = $1)
              and ($2::timestamptz is null or (review.opened_at, review.id) < ($2, $3::uuid))
            order by review.opened_at desc, review.id desc limit $4""",
        affiliate_id,
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
    )
    shown = tuple(_review(row) for row in rows[:size])
    marks = tuple(
        cursors.write([one.opened_at.isoformat(), str(one.id)], tenant_id=tenant_id, about=_ABOUT)
        for one in shown
    )
    return ReviewPage(shown, marks, len(rows) > size)


async def _one(review_id: UUID, *, of: UUID | None = None) -> Review:
    row = await db.fetch_row(
        f"{_REVIEW} and review.id = $1 and ($2::uuid is null or review.affiliate_id = $2)",
        review_id,
        of,
    )
    if row is None:
        raise NotFound("There is no such review.", field="reviewId")
    return _review(row)


def _review(row: Mapping[str, Any]) -> Review:
    lists = {name: tuple(row[name]) for name in ("suspicions", "words")}
    return Review(**{**row, **lists, "status": ReviewStatus(row["status"])})


def _require_text(text: str, *, field: str) -> None:
    if not (1 <= len(text.strip()) <= LONGEST_TEXT and text.isprintable()):
        raise Invalid(f"A text has 1 to {LONGEST_TEXT} printable characters.", field=field)
