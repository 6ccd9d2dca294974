"""The grades that a shop gives its direct children (普通 / 高级 / 顶级 / 总代)."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from offers.price_desk.opening_fees import OpeningFee, charge
from tenants.directory import Shop

MAX_GRADES: Final = 100
LONGEST_NAME: Final = 40
MAX_FEE_MINOR: Final = 1_000_000_000_000

# One more only while there is room; a grade of another shop's is not found by its id.
_MAKE: Final = """
insert into agent_grades (tenant_id, id, name, rank, open_fee_minor)
select $1, $2, $3, $4, $5
where (select count(*) from agent_grades where tenant_id = $1) < $6"""
_CHANGE: Final = """
update agent_grades set name = $3, rank = $4, open_fee_minor = $5
where tenant_id = $1 and id = $2"""

# One who gives it a grade comes after the other, and sees what it has paid.
_LOCK_CHILD: Final = """
select id, currency from tenants where parent_id = $1 and slug = $2 for no key update"""
_FEE: Final = "select open_fee_minor from agent_grades where tenant_id = $1 and id = $2 for share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A grade: its name, its rank (1 is the lowest), and what it costs to be opened with it."""

    id: UUID
    name: str
    rank: int
    open_fee_minor: int

    def __post_init__(self) -> None:
        name = self.name
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
        if not 1 <= self.rank <= MAX_GRADES:
            raise Invalid(f"A rank is 1 to {MAX_GRADES}.", field="rank")
        if not 0 <= self.open_fee_minor <= MAX_FEE_MINOR:
            raise Invalid("An opening fee is out of range.", field="openFee")


async def upsert_grade(
    shop: Shop, *, grade_id: UUID | None, name: str, rank: int, open_fee_minor: int
) -> Grade:
    """Make a grade, or change the one with this id.

    Raises `NotFound` for an id that is not the shop's, `Invalid` for a name or rank that another
    grade has.
    """
    grade = Grade(id=grade_id or new_id(), name=name, rank=rank, open_fee_minor=open_fee_minor)
    values = (shop.id, grade.id, grade.name, grade.rank, grade.open_fee_minor)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        try:
            if grade_id is not None:
                if not await db.execute(_CHANGE, *values):
                    raise NotFound("There is no such grade.", field="gradeId")
            elif not await db.execute(_MAKE, *values, MAX_GRADES):
                raise Invalid(f"A shop has at most {MAX_GRADES} grades.", field="name")
        except asyncpg.UniqueViolationError as error:
            field = "rank" if "rank" in (error.constraint_name or "") else "name"
            raise Invalid("Another grade has this name or rank.", field=field) from None
    return grade


async def grades_of(shop: Shop) -> list[Grade]:
    """The shop's grades, the lowest first."""
    rows = await db.read(
        db.core_scope(shop.id, path=shop.path),
        """select id, name, rank, open_fee_minor from agent_grades
           where tenant_id = $1 order by rank limit $2""",
        shop.id,
        MAX_GRADES,
    )
    return [Grade(**row) for row in rows]


async def set_grade(
    shop: Shop, *, child_slug: str, grade_id: UUID | None, accepted_fee_minor: int = 0
) -> None:
    """Give a direct child a grade, or none. Its prices follow at once, and it pays the grade's
    opening fee, which is at most what the parent accepts for it, unless it has paid it before.

    Each of the shop's rules was checked for whom it is for, so no other price can come of it than
    such as have been checked. Raises `NotFound` for a child or a grade that is not the shop's,
    `Invalid` for less than nothing, and what `opening_fees.charge` raises.
    """
    if accepted_fee_minor < 0:
        raise Invalid("An opening fee is out of range.", field="expectedFee")
    # The child's balance is its own: no scope of its parent's may write it.
    async with db.transaction(db.every_tenant(reason="a child pays to be opened with a grade")):
        child = await db.fetch_row(_LOCK_CHILD, shop.id, child_slug)
        if child is None:
            raise NotFound("There is no such shop below this one.", field="child")
        if grade_id is not None:
            fee_minor = await db.fetch_value(_FEE, shop.id, grade_id)
            if fee_minor is None:
                raise NotFound("There is no such grade.", field="gradeId")
            fee = OpeningFee(child["id"], grade_id, fee_minor, shop.currency)
            await charge(fee, child_currency=child["currency"], accepted_minor=accepted_fee_minor)
        await db.execute("update tenants set grade_id = $2 where id = $1", child["id"], grade_id)
