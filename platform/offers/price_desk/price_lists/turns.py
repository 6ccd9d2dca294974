"""The import of a price list, made by the worker: stretch by stretch, and written in a moment.

A turn takes the import that has had the fewest (so that a shop's short list does not wait for
another's long dry run), goes on where its row says, and notes after each
portion of the goods how far it has got. Every note names the step that it has seen: whoever was
held up for longer than a turn may last finds another step, and writes nothing any more. So an
import goes on after any death, in any worker, and is written once.

What is checked is checked at one version of the shop, and written on the condition that it is the
shop's version still; else all of it is looked at anew (`writing.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from kernel import db
from kernel.errors import Refusal
from kernel.faults import crash_point
from kernel.log import get_logger
from offers.price_desk.files import uploaded
from offers.price_desk.guarding import RestlessPrices, tried
from offers.price_desk.impact import Impact, price_impact
from offers.price_desk.listings import write_listings
from offers.price_desk.own_rules import OwnRules, read_own_rules
from offers.price_desk.price_lists.imports import too_slow
from offers.price_desk.price_lists.plan import FIELD, Plan, PlannedChange, change_of, plan_of
from offers.price_desk.price_lists.progress import TURNS, Progress, progress_of
from offers.price_desk.rule_rows import delete_rules, write_rules
from offers.price_desk.writing import require_version
from tenants.directory import Shop, shop_by_id

log = get_logger(__name__)

PORTIONS_A_TURN: Final = 10
TURN_LASTS: Final = timedelta(minutes=1)
"""Without a note; then the worker is taken for dead."""
GIVEN_UP_AFTER: Final = timedelta(hours=1)
PRICES_A_NOTE: Final = 5_000
MOST_PRICES_TRIED: Final = 1_000_000
"""Of one dry run; what is left in a tree so large is not looked at."""
ROWS_A_STATEMENT: Final = 2_000
_WORKER: Final = "import the price list that has had the fewest turns"

_CLAIM: Final = """
update price_imports set step = step + 1, claimed_until = platform_now() + $1::interval,
       state = case state when 'WAITING' then 'CHECKING' else state end
where id = (select id from price_imports
            where ended_at is null and (claimed_until is null or claimed_until < platform_now())
            order by claimed_until nulls first, step, id limit 1 for update skip locked)
returning tenant_id, id, file_id, dry_run, step, state, progress::text as progress,
          created_at < platform_now() - $2::interval as is_late"""
_NOTE: Final = """
update price_imports set step = step + 1, state = $4, progress = $5::text::jsonb,
       claimed_until = case when $6::boolean then platform_now() + $7::interval end,
       ended_at = case when $4 in ('DONE', 'REFUSED') then platform_now() end
where tenant_id = $1 and id = $2 and step = $3"""


class TurnLost(Exception):
    """Somebody else has gone on with the import: nothing of this turn counts any more."""


@dataclass(slots=True)
class Turn:
    """One worker's hold on one import."""

    shop: Shop
    import_id: UUID
    file_id: UUID
    dry_run: bool
    step: int
    state: str
    progress: Progress
    is_late: bool
    portions_left: int

    async def note(self, progress: Progress, *, state: str | None = None) -> None:
        """Write down how far it has got, and hold on."""
        self.portions_left -= 1
        await self._note_alone(progress, state or self.state, holds_on=True)
        crash_point("price_import.noted")

    async def rest(self, progress: Progress) -> None:
        """Let go: whoever takes the next turn goes on from here."""
        await self._note_alone(progress, self.state, holds_on=False)

    async def end(self, progress: Progress, state: str) -> None:
        """It is over."""
        await self._note_alone(progress, state, holds_on=False)

    async def _note_alone(self, progress: Progress, state: str, *, holds_on: bool) -> None:
        async with db.transaction(db.core_scope(self.shop.id, path=self.shop.path)):
            await self.write_down(progress, state, holds_on=holds_on)

    async def write_down(self, progress: Progress, state: str, *, holds_on: bool = False) -> None:
        """Write the row in the open transaction; raises `TurnLost`."""
        values = (self.shop.id, self.import_id, self.step, state, progress.as_json())
        if not await db.execute(_NOTE, *values, holds_on, TURN_LASTS):
            raise TurnLost
        self.step += 1
        self.state, self.progress = state, progress


async def import_price_lists() -> int:
    """Take one import a stretch further; returns how many there were."""
    turn = await _claimed()
    if turn is None:
        return 0
    crash_point("price_import.claimed")
    try:
        await _stretch(turn)
    except TurnLost:
        log.warning("price_import_lost", id=str(turn.import_id))
    return 1


async def _claimed() -> Turn | None:
    async with db.transaction(db.every_tenant(reason=_WORKER)):
        row = await db.fetch_row(_CLAIM, TURN_LASTS, GIVEN_UP_AFTER)
    if row is None:
        return None
    shop = await shop_by_id(row["tenant_id"])
    assert shop is not None  # a tenant is never deleted
    return Turn(
        shop=shop,
        import_id=row["id"],
        file_id=row["file_id"],
        dry_run=row["dry_run"],
        step=row["step"],
        state=row["state"],
        progress=progress_of(row["progress"]),
        is_late=row["is_late"],
        portions_left=PORTIONS_A_TURN,
    )


async def _stretch(turn: Turn) -> None:
    try:
        await _go_on(turn)
    except RestlessPrices:
        await turn.rest(turn.progress)  # the next turn begins anew
    except Refusal as refusal:
        await turn.end(turn.progress.refused_for(refusal), "REFUSED")


async def _go_on(turn: Turn) -> None:
    """Read the file, check it from where the row says, and end the import when all is checked."""
    if turn.is_late:
        raise too_slow()
    file_format, content = await uploaded(turn.shop, turn.file_id)
    plan = await plan_of(turn.shop, content, file_format)
    before = await read_own_rules(turn.shop)
    planned = change_of(turn.shop, before, plan)
    progress = turn.progress.planned(plan).at(before.version)
    wrong = plan.problems or planned.problems
    if wrong or progress.begun > TURNS:
        await turn.end(progress.wrong(wrong) if wrong else _restless(progress), "REFUSED")
        return
    checked = await _checked(turn, _Work(plan, planned, before), progress)
    if checked is None:
        return
    if checked.problem_count:
        await turn.end(checked, "REFUSED")
    elif turn.dry_run:
        await _try_out(turn, _Work(plan, planned, before), checked)
    else:
        await _write(turn, _Work(plan, planned, before), checked)


def _restless(progress: Progress) -> Progress:
    restless = RestlessPrices("The prices were changed meanwhile: try again.", field=FIELD)
    return progress.refused_for(restless)


@dataclass(frozen=True, slots=True)
class _Work:
    """What the file asks for, and what that changes of the shop's rules as they are."""

    plan: Plan
    planned: PlannedChange
    before: OwnRules


async def _checked(turn: Turn, work: _Work, progress: Progress) -> Progress | None:
    """Try the change on the goods, portion by portion; None where the turn is over before."""
    change = work.planned.change
    async for portion, broken in tried(turn.shop, change, work.before, after=progress.after):
        found = [work.planned.problem_of(one) for one in broken]
        progress = progress.looked(work.plan, portion.last_sku_id, found)
        await turn.note(progress)
        if turn.portions_left <= 0 and not portion.is_last:
            await turn.rest(progress)
            return None
    return progress.all_looked()


async def _try_out(turn: Turn, work: _Work, progress: Progress) -> None:
    """Compute what the change would do in the shop and in all shops below it."""
    impact = progress.impact or Impact()
    progress = replace(progress, impact=impact)
    while True:
        found = await price_impact(
            turn.shop,
            work.planned.change,
            work.before,
            after=impact.end_cursor,
            max_prices=PRICES_A_NOTE,
        )
        impact.add(found)
        if impact.complete or impact.prices >= MOST_PRICES_TRIED:
            await turn.end(progress, "DONE")
            return
        await turn.note(progress, state="TRYING")
        if turn.portions_left <= 0:
            await turn.rest(progress)
            return


async def _write(turn: Turn, work: _Work, progress: Progress) -> None:
    """Write everything at once, if the shop's prices are still those that were looked at."""
    shop = turn.shop
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await require_version(shop, work.before.version)
        await _write_rules(shop, work)
        for listings in _slices(work.plan.listings):
            await write_listings(shop, listings)
        await turn.write_down(progress, "DONE")
        await db.execute(
            "delete from price_files where tenant_id = $1 and id = $2", shop.id, turn.file_id
        )
        crash_point("price_import.written")
    crash_point("price_import.committed")


async def _write_rules(shop: Shop, work: _Work) -> None:
    """What goes makes room first, and so does a rule whose window moves."""
    change, before = work.planned.change, work.before.rules
    moved = [
        one.rule.id
        for one in change.put
        if one.rule.id in before and before[one.rule.id].ends_at != one.ends_at
    ]
    for rule_ids in _slices([*change.drop, *moved]):
        await delete_rules(shop, rule_ids)
    for rules in _slices(change.put):
        await write_rules(shop, rules)


Item = TypeVar("Item")


def _slices(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at once as one statement may take."""
    for start in range(0, len(items), ROWS_A_STATEMENT):
        yield items[start : start + ROWS_A_STATEMENT]
