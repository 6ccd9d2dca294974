"""The steps of a run, portion by portion: fetch, gather, look at orders, match, sum up."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from billing import payout_gate
from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from billing.payment_methods.statement import StatementPage
from kernel import db
from kernel.faults import crash_point
from kernel.log import get_logger
from reconciliation import gathering, matching, runs, sale_checks, statements
from reconciliation.items import open_differences
from reconciliation.runs import Run, RunLost

log = get_logger(__name__)

PORTIONS_A_TURN: Final = 20
ASKED_AGAIN_AFTER: Final = timedelta(minutes=1)


async def reconcile() -> int:
    """Begin what is due, and take one run a stretch further; returns how many there were."""
    await runs.begin_due()
    return await take_a_turn()


async def take_a_turn() -> int:
    """Take the earliest run a stretch further; returns how many there were."""
    run = await runs.claim()
    if run is None:
        return 0
    crash_point("reconciliation.claimed")
    try:
        await _stretch(run)
    except RunLost:
        log.warning("reconciliation_lost", day=str(run.day))
    return 1


async def _stretch(run: Run) -> None:
    try:
        for _ in range(PORTIONS_A_TURN):
            await _STEPS[run.step](run)
            crash_point("reconciliation.noted")
            if run.step == "DONE":
                return
    except (ChannelUnavailable, ChannelRefused) as silent:
        log.warning("reconciliation_waits", day=str(run.day), reason=str(silent))
        await runs.rest(run, problem=f"no statement: {silent}", wait=ASKED_AGAIN_AFTER)
        return
    await runs.rest(run)


async def _fetch(run: Run) -> None:
    """A page of a statement: asked for in no transaction, and kept with the note in one.

    The first one forgets what was known of the day's movements, of both sides: they are read anew.
    """
    number, _, cursor = run.place.partition(":")
    here = int(number or 0)
    asked = statements.open_statements()
    page = StatementPage((), None)
    if here < len(asked):
        page = await asked[here].page(since=run.begin, until=run.seen_until, after=cursor)
    crash_point("reconciliation.fetched")
    async with db.transaction(runs.scope()):
        await run.hold()
        if not run.place:
            await statements.forget(since=run.begin, until=run.seen_until, day=run.day)
        if here >= len(asked):
            await run.note(step="GATHER")
            return
        await statements.keep(asked[here].book, page.entries)
        place = f"{here}:{page.after}" if page.after else f"{here + 1}:"
        await run.note(step="FETCH", place=place, fetched=len(page.entries))


async def _gather(run: Run) -> None:
    async with db.transaction(runs.scope()):
        await run.hold()
        gathered = await gathering.gather(run)
        await sale_checks.compare(run, gathered.order_ids)
        step, place = ("GATHER", str(gathered.last)) if gathered.last else ("ORDERS", "")
        await run.note(step=step, place=place, postings=gathered.read)


async def _look_at_orders(run: Run) -> None:
    async with db.transaction(runs.scope()):
        await run.hold()
        if not run.place:
            await sale_checks.compare(run, await sale_checks.still_open(run))
        after = UUID(run.place) if run.place else None
        read, last, found = await sale_checks.unposted(run, after)
        await sale_checks.compare(run, found)
        step, place = ("ORDERS", str(last)) if last else ("MATCH", "")
        await run.note(step=step, place=place, orders=read)


async def _match(run: Run) -> None:
    number, _, after = run.place.partition(":")
    asked = statements.open_statements()
    here = int(number or 0)
    async with db.transaction(runs.scope()):
        await run.hold()
        if here >= len(asked):
            await matching.sum_up(run, compared=[statement.book for statement in asked])
            await recount_gates()
            await run.note(step="DONE")
            return
        place = matching.Place.of(after)
        matched, more = await matching.match(run, asked[here], after=place)
        next_place = f"{here}:{more}" if more else f"{here + 1}:"
        await run.note(step="MATCH", place=next_place, matched=matched)


async def recount_gates() -> None:
    """Say to payouts what is open, inside the transaction that has changed it."""
    await payout_gate.hold()
    await payout_gate.set_open(await open_differences())


_STEPS: Final = {"FETCH": _fetch, "GATHER": _gather, "ORDERS": _look_at_orders, "MATCH": _match}
