"""Setting rates: an operator says what a currency is worth, from which source, as of when.

Rates are appended and never changed. The newest of a pair holds until it is too old to price with;
one that is far from the last takes somebody who says how far.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from exchange.arithmetic import change_bp
from kernel import db
from kernel.errors import Invalid, Refusal
from kernel.ids import new_id
from kernel.money import CURRENCY_EXPONENTS
from kernel.settings import settings

MOST_AT_ONCE: Final = 500
SOURCE_LENGTHS: Final = (2, 100)
_ONE_SETS: Final = 0x6678  # "fx": whoever sets rates looks at the last ones, alone


class RateJumps(Refusal):
    """The rate is further from the last one than anybody sets without saying so.

    `details` has the last rate and by how many basis points the new one is off.
    """

    code = "RATE_JUMPS"


class RateIsOlder(Refusal):
    """The pair has a rate of this moment or of a later one."""

    code = "RATE_IS_OLDER"


@dataclass(frozen=True, slots=True)
class NewRate:
    """What somebody says: the pair, the rate, and when the source had it; None is now."""

    base: str
    quote: str
    value: Decimal
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetRate:
    """A rate as it stands."""

    id: UUID
    base: str
    quote: str
    value: Decimal
    source: str
    taken_at: datetime
    fresh_until: datetime
    is_fresh: bool
    set_by: str
    set_at: datetime


async def set_rates(
    wanted: Sequence[NewRate], *, source: str, actor: str, confirmed_change_bp: int = 0
) -> tuple[SetRate, ...]:
    """Append these rates, all or none. The same rate of the same moment is answered again.

    `confirmed_change_bp` is how far a rate may be from the last one of its pair beside what the
    platform's setting allows anyway. Raises `Invalid`, `RateIsOlder`, `RateJumps`.
    """
    source = source.strip()
    _require_sensible(wanted, source)
    allowed_bp = max(confirmed_change_bp, settings().fx_jump_bp)
    async with db.transaction(db.core_scope()):
        await db.execute("select pg_advisory_xact_lock($1)", _ONE_SETS)
        now = await db.fetch_value("select platform_now()")
        return tuple(
            [await _set(one, source, actor, now=now, allowed_bp=allowed_bp) for one in wanted]
        )


async def _set(
    wanted: NewRate, source: str, actor: str, *, now: datetime, allowed_bp: int
) -> SetRate:
    taken_at = wanted.taken_at or now
    fresh_until = taken_at + timedelta(seconds=settings().fx_fresh_seconds)
    if taken_at > now:
        raise Invalid("A rate is not of the future.", field="takenAt")
    if fresh_until <= now:
        raise Invalid("This rate is too old to price with.", field="takenAt")
    last = await db.fetch_row(_LAST, wanted.base, wanted.quote)
    if last is not None and last["taken_at"] >= taken_at:
        if (last["taken_at"], last["value"], last["source"]) == (taken_at, wanted.value, source):
            return rate_of_row(last)
        raise RateIsOlder("This pair has a rate of this moment or of a later one.", field="takenAt")
    if last is not None:
        _require_near(last, wanted, allowed_bp)
    row = await db.fetch_row(
        _INSERT,
        new_id(),
        wanted.base,
        wanted.quote,
        wanted.value,
        source,
        taken_at,
        fresh_until,
        actor,
    )
    assert row is not None
    return rate_of_row(row)


COLUMNS: Final = """
id, base, quote, value, source, taken_at, fresh_until, fresh_until > platform_now() as is_fresh,
set_by, set_at
"""
_LAST: Final = f"""
select {COLUMNS} from fx_rates where base = $1 and quote = $2 order by taken_at desc limit 1
"""
_INSERT: Final = f"""
insert into fx_rates (id, base, quote, value, source, taken_at, fresh_until, set_by)
values ($1, $2, $3, $4, $5, $6, $7, $8) returning {COLUMNS}
"""


def rate_of_row(row: Any) -> SetRate:
    """The row of a statement that selects `COLUMNS`."""
    return SetRate(**row)


def _require_sensible(wanted: Sequence[NewRate], source: str) -> None:
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise Invalid(f"One sets 1 to {MOST_AT_ONCE} rates at once.", field="rates")
    if not (SOURCE_LENGTHS[0] <= len(source) <= SOURCE_LENGTHS[1] and source.isprintable()):
        raise Invalid("A source has 2 to 100 printable characters.", field="source")
    for one in wanted:
        for field, code in (("base", one.base), ("quote", one.quote)):
            if code not in CURRENCY_EXPONENTS:
                raise Invalid("There is no such currency.", field=field)
        if one.base == one.quote:
            raise Invalid("A rate is between two currencies.", field="quote")


def _require_near(last: Any, wanted: NewRate, allowed_bp: int) -> None:
    moved_bp = change_bp(before=last["value"], after=wanted.value)
    if moved_bp > allowed_bp:
        raise RateJumps(
            "This rate is far from the last one: say how far, if it is meant.",
            field="rate",
            details={
                "pair": f"{wanted.base}/{wanted.quote}",
                "last": f"{last['value']:f}",
                "changeBp": moved_bp,
            },
        )
