"""The rates that were ever set, for operators."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exchange.setting import COLUMNS, SetRate, rate_of_row
from kernel import cursors, db
from kernel.errors import Invalid
from kernel.money import CURRENCY_EXPONENTS

_ABOUT = "exchange rates"


@dataclass(frozen=True, slots=True)
class RatePage:
    """A page of rates, the newest first."""

    rows: tuple[SetRate, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def rates_page(
    *, base: str | None, quote: str | None, first: int | None, after: str | None
) -> RatePage:
    """Read a page of rates by the moments they are of; of one currency, of a pair, or all."""
    for field, code in (("base", base), ("quote", quote)):
        if code is not None and code not in CURRENCY_EXPONENTS:
            raise Invalid("There is no such currency.", field=field)
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=None, about=_ABOUT)
    rows = await db.read(
        db.core_scope(),
        f"""select {COLUMNS} from fx_rates
            where ($1::text is null or base = $1) and ($2::text is null or quote = $2)
              and ($3::timestamptz is null or (taken_at, id) < ($3, $4::uuid))
            order by taken_at desc, id desc limit $5""",
        base,
        quote,
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
    )
    shown = [rate_of_row(row) for row in rows[:size]]
    return RatePage(
        rows=tuple(shown),
        cursors=tuple(
            cursors.write([one.taken_at.isoformat(), str(one.id)], tenant_id=None, about=_ABOUT)
            for one in shown
        ),
        has_next=len(rows) > size,
    )
