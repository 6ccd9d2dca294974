"""What an operator has agreed on with a shop about plans, and whether the shop offers them.

The platform lends, so an operator sets the terms; a fee that the shop bears is the shop's to agree
to, so it says itself whether it offers plans. Nobody has to, and at first nobody does.
"""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.money import MAX_AMOUNT_MINOR
from orders.instalments.arithmetic import LEAST_PARTS, MOST_PARTS, Release

_BOUNDS: Final = {
    "most_parts": (LEAST_PARTS, MOST_PARTS, "mostParts"),
    "first_bp": (500, 5_000, "firstBp"),
    "interval_days": (1, 92, "intervalDays"),
    "grace_days": (0, 60, "graceDays"),
    "fee_bp": (0, 3_000, "feeBp"),
    "least_minor": (100, MAX_AMOUNT_MINOR, "leastAmount"),
    "most_open": (1, 20, "mostOpen"),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How a shop's customers may pay in parts. `least_minor` is the least total of an order, in
    minor units of the shop's currency; `most_open` how many plans a customer may have at once."""

    most_parts: int
    first_bp: int
    interval_days: int
    grace_days: int
    fee_bp: int
    fee_by: str
    least_minor: int
    most_open: int
    release: Release
    is_offered: bool = False


_COLUMNS: Final = """most_parts, first_bp, interval_days, grace_days, fee_bp, fee_by, least_minor,
       most_open, release, is_offered"""
_READ: Final = f"select {_COLUMNS} from instalment_terms where tenant_id = $1"
_WRITE: Final = """
insert into instalment_terms (tenant_id, most_parts, first_bp, interval_days, grace_days, fee_bp,
                              fee_by, least_minor, most_open, release, set_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (tenant_id) do update
set most_parts = excluded.most_parts, first_bp = excluded.first_bp,
    interval_days = excluded.interval_days, grace_days = excluded.grace_days,
    fee_bp = excluded.fee_bp, fee_by = excluded.fee_by, least_minor = excluded.least_minor,
    most_open = excluded.most_open, release = excluded.release, set_by = excluded.set_by,
    set_at = platform_now(),
    -- What the shop has agreed to was another fee.
    is_offered = instalment_terms.is_offered
                 and (excluded.fee_by = 'BUYER' or excluded.fee_bp <= instalment_terms.fee_bp
                                                   and instalment_terms.fee_by = 'SHOP')
"""


async def set_terms(tenant_id: UUID, terms: Terms, *, actor: str) -> Terms:
    """Agree on a shop's terms, for orders from now on; a fee that grows is agreed to anew.

    Raises `Invalid`.
    """
    for name, (least, most, field) in _BOUNDS.items():
        if not least <= getattr(terms, name) <= most:
            raise Invalid(f"This is {least} to {most}.", field=field)
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute(
            _WRITE,
            tenant_id,
            terms.most_parts,
            terms.first_bp,
            terms.interval_days,
            terms.grace_days,
            terms.fee_bp,
            terms.fee_by,
            terms.least_minor,
            terms.most_open,
            terms.release,
            actor,
        )
        now = await terms_inside(tenant_id)
    assert now is not None
    return now


async def offer(tenant_id: UUID, *, is_offered: bool) -> Terms:
    """Offer plans to a shop's customers, or no longer. Plans that have begun go on.

    Raises `NotFound` where no operator has agreed on terms.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        now = await terms_inside(tenant_id)
        if now is None:
            raise NotFound("No terms have been agreed on with this shop.")
        await db.execute(
            "update instalment_terms set is_offered = $2 where tenant_id = $1",
            tenant_id,
            is_offered,
        )
    return replace(now, is_offered=is_offered)


async def terms_of(tenant_id: UUID) -> Terms | None:
    """A shop's terms, in a round trip of their own; None where nobody has agreed on any."""
    rows = await db.read(db.core_scope(tenant_id), _READ, tenant_id)
    return Terms(**rows[0]) if rows else None


async def terms_inside(tenant_id: UUID) -> Terms | None:
    """The same inside a transaction."""
    row = await db.fetch_row(_READ, tenant_id)
    return Terms(**row) if row is not None else None
