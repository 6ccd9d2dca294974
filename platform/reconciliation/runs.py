"""A day's run is a row that says how far it has got (docs/decisions/0064, after 0050).

A worker takes it for a minute, does a portion and notes it in one transaction, and goes on. Every
note names the turn that it has seen, so whatever two workers do is done once, and after any death
somebody goes on from the last note.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from kernel import db
from kernel.errors import Invalid
from kernel.scope import Scope
from reconciliation import days

TURN_LASTS: Final = timedelta(minutes=1)
"""Without a note; then the worker is taken for dead."""
MOST_DAYS_BACK: Final = 31
"""So many days without a worker are made up for by themselves."""
_COLUMNS: Final = "day, step, place, turn, seen_until, platform_now() - now() as shift"


class RunLost(Exception):
    """Somebody else has gone on with the run: nothing of this turn counts any more."""


@dataclass(slots=True)
class Run:
    """One worker's hold on one day's run."""

    day: date
    step: str
    place: str
    turn: int
    seen_until: datetime
    shift: timedelta
    """By how much the platform's clock is ahead of the server's: only a sandbox's is."""

    @property
    def begin(self) -> datetime:
        """The day's first moment."""
        return days.begin_of(self.day)

    @property
    def end(self) -> datetime:
        """The first moment after the day: the cut-off."""
        return days.end_of(self.day)

    async def hold(self) -> None:
        """Lock the row in the open transaction; raises `RunLost`."""
        if not await db.fetch_value(
            "select true from reconciliation_runs where day = $1 and turn = $2 for update",
            self.day,
            self.turn,
        ):
            raise RunLost

    async def note(
        self,
        *,
        step: str,
        place: str = "",
        fetched: int = 0,
        postings: int = 0,
        orders: int = 0,
        matched: int = 0,
    ) -> None:
        """Write down how far it has got, in the open transaction; raises `RunLost`."""
        counts = (fetched, postings, orders, matched)
        if not await db.execute(_NOTE, self.day, self.turn, step, place, TURN_LASTS, *counts):
            raise RunLost
        self.turn += 1
        self.step, self.place = step, place


_NOTE: Final = """
update reconciliation_runs
set turn = turn + 1, step = $3::text, place = $4, problem = '',
    claimed_until = case when $3::text <> 'DONE' then platform_now() + $5::interval end,
    entries_fetched = entries_fetched + $6, postings_read = postings_read + $7,
    orders_read = orders_read + $8, references_matched = references_matched + $9,
    ended_at = case when $3::text = 'DONE' then platform_now() end
where day = $1 and turn = $2
"""
# One day after the other: what moved in the hours after a day is in the next one's run, too.
_CLAIM: Final = f"""
update reconciliation_runs
set turn = turn + 1, claimed_until = platform_now() + $1::interval
where day = (select day from reconciliation_runs where ended_at is null order by day limit 1)
  and (claimed_until is null or claimed_until <= platform_now())
returning {_COLUMNS}
"""
_NEXT_CLAIM: Final = 0x7265636F  # "reco"
# Days are run in their order: the first one ever is yesterday, then one after the other.
_BEGIN_DUE: Final = """
insert into reconciliation_runs (day, seen_until, asked_by)
select day::date, day + interval '1 day' + $1::interval, 'worker'
from (select platform_now() at time zone 'UTC' as now) as clock,
     generate_series(
         greatest((select max(day) + 1 from reconciliation_runs)::timestamp,
                  date_trunc('day', now - $1::interval)
                  - case when exists (select from reconciliation_runs)
                         then $2::int * interval '1 day' else interval '1 day' end),
         date_trunc('day', now - $1::interval) - interval '1 day', interval '1 day') as day
on conflict do nothing
"""
_BEGIN: Final = """
insert into reconciliation_runs as known (day, seen_until, asked_by) values ($1, $2, $3)
on conflict (day) do update
set step = 'FETCH', place = '', turn = known.turn + 1, claimed_until = null,
    seen_until = excluded.seen_until, entries_fetched = 0, postings_read = 0, orders_read = 0,
    references_matched = 0, problem = '', asked_by = excluded.asked_by,
    began_at = platform_now(), ended_at = null
where known.ended_at is not null
"""


def scope() -> Scope:
    """Where all of this is done: the books are the platform's."""
    return db.every_tenant(reason="compare the books with orders and statements")


async def begin(day: date, *, asked_by: str) -> None:
    """Let a day be run, once more if it has been; one that is under way goes on.

    Raises `Invalid` for a day that is not over.
    """
    async with db.transaction(scope()):
        now: datetime = await db.fetch_value("select platform_now()")
        if not date(2020, 1, 1) <= day or days.end_of(day) > now:
            raise Invalid("Only a day that is over can be reconciled.", field="day")
        await db.execute(_BEGIN, day, min(now, days.end_of(day) + days.GRACE), asked_by)


async def begin_due() -> None:
    """Let the days be run that are over and have not been."""
    async with db.transaction(scope()):
        await db.execute(_BEGIN_DUE, days.GRACE, MOST_DAYS_BACK)


async def claim() -> Run | None:
    """Take the earliest run that is due; None where there is none, or where somebody has it."""
    async with db.transaction(scope()):
        await db.execute("select pg_advisory_xact_lock($1)", _NEXT_CLAIM)
        row = await db.fetch_row(_CLAIM, TURN_LASTS)
    return Run(**row) if row is not None else None


async def rest(run: Run, *, problem: str = "", wait: timedelta = timedelta(0)) -> None:
    """Let go of a run, for whoever takes the next turn, after a while."""
    async with db.transaction(scope()):
        await db.execute(
            """update reconciliation_runs set turn = turn + 1, problem = $3,
                      claimed_until = platform_now() + $4::interval
               where day = $1 and turn = $2""",
            run.day,
            run.turn,
            problem[:200],
            wait,
        )
