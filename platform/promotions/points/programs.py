"""A shop's points program: its terms, and what the shop owes under them."""

from dataclasses import dataclass
from typing import Final

from billing import accounts, ledger
from kernel import db
from kernel.errors import Invalid
from kernel.money import BASIS_POINTS
from promotions.points.arithmetic import MOST_POINTS, PointsTerms
from promotions.points.purses import TERMS, terms_of
from tenants.directory import Shop

MOST_POINT_MINOR: Final = 1_000_000
LONGEST_DAYS: Final = 3_650


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and all points of the shop's customers, also those that unpaid orders have
    reserved, as money in minor units."""

    terms: PointsTerms
    owed_minor: int


async def program_of(shop: Shop) -> Program | None:
    """The shop's program; None where it has none."""
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        return await _program(shop)


async def write_program(*, shop: Shop, terms: PointsTerms) -> Program:
    """Begin a program, or change it. What a point is worth stays what it was.

    What was earned keeps its time; what is earned from now on has the new one. Raises `Invalid`.
    """
    _require_sensible(terms)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        worth: int = await db.fetch_value(
            """insert into points_programs (tenant_id, is_on, earn_bp, point_minor, lasts_days,
                                            most_bp, least_points)
               values ($1, $2, $3, $4, $5, $6, $7)
               on conflict (tenant_id) do update
               set is_on = excluded.is_on, earn_bp = excluded.earn_bp,
                   lasts_days = excluded.lasts_days, most_bp = excluded.most_bp,
                   least_points = excluded.least_points
               returning point_minor""",
            shop.id,
            terms.is_on,
            terms.earn_bp,
            terms.point_minor,
            terms.lasts_days,
            terms.most_bp,
            terms.least_points,
        )
        if worth != terms.point_minor:
            raise Invalid("What a point is worth does not change.", field="pointValue")
        program = await _program(shop)
    assert program is not None
    return program


async def _program(shop: Shop) -> Program | None:
    row = await db.fetch_row(
        f"select {TERMS} from points_programs where tenant_id = current_tenant_id()"
    )
    if row is None:
        return None
    return Program(terms_of(row), await ledger.balance(accounts.points(shop.id, shop.currency)))


def _require_sensible(terms: PointsTerms) -> None:
    if not 0 <= terms.earn_bp <= BASIS_POINTS:
        raise Invalid("A part is 0 to 10000 basis points.", field="earnBp")
    if not 0 <= terms.most_bp <= BASIS_POINTS:
        raise Invalid("A part is 0 to 10000 basis points.", field="mostBp")
    if not 1 <= terms.point_minor <= MOST_POINT_MINOR:
        raise Invalid(f"A point is worth 1 to {MOST_POINT_MINOR} minor units.", field="pointValue")
    if not 1 <= terms.lasts_days <= LONGEST_DAYS:
        raise Invalid(f"Points last 1 to {LONGEST_DAYS} days.", field="lastsDays")
    if not 1 <= terms.least_points <= MOST_POINTS:
        raise Invalid(f"At least 1 to {MOST_POINTS} points at once.", field="leastPoints")
