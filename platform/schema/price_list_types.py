"""Price lists as files, as the API shows them: addresses, and how far an import has got."""

from datetime import datetime
from enum import Enum

import strawberry

from kernel.ids import public_id
from offers.price_desk.price_lists import imports
from offers.price_desk.sheets.price_list import LineProblem
from schema.context import Context
from schema.price_desk_types import PriceImpact
from schema.price_desk_views import impact_type
from schema.problems import Problem, problem


@strawberry.type(description="A signed address for one file, good until `expiresAt`.")
class PriceListAddress:
    """`uploadId` names the file to `priceListImport`."""

    url: str
    upload_id: strawberry.ID
    expires_at: datetime


@strawberry.type(description="What is wrong in one cell of a price list.")
class PriceListProblem:
    """`line` as a spreadsheet numbers it."""

    line: int
    column: str
    code: str


@strawberry.enum(description="Where an import stands; the last two are its ends.")
class PriceListState(Enum):
    """WAITING for a turn, CHECKING against the guards, TRYING a dry run out in the shops below."""

    WAITING = "WAITING"
    CHECKING = "CHECKING"
    TRYING = "TRYING"
    DONE = "DONE"
    REFUSED = "REFUSED"


@strawberry.type(
    description="An import of a price list: all of it is written at once, or nothing. Ask again "
    "until it is DONE, or REFUSED with nothing written."
)
class PriceListImport:
    """`problems` are at most 100 of `problemCount`; `problem` is what is wrong with all of it;
    `impact` is what a dry run has found so far."""

    id: strawberry.ID
    state: PriceListState
    dry_run: bool
    written: bool
    lines_total: int
    lines_done: int
    listings: int
    rules: int
    problem_count: int
    problem: Problem | None
    impact: PriceImpact | None
    problems: list[PriceListProblem] = strawberry.field(metadata={"assumed_size": 100})


def import_type(found: imports.PriceImport, context: Context) -> PriceListImport:
    """Show an import."""
    progress = found.progress
    impact, refused = progress.impact, progress.refused
    return PriceListImport(
        id=strawberry.ID(public_id("pli", found.id)),
        state=PriceListState(found.state),
        dry_run=found.dry_run,
        written=found.written,
        lines_total=progress.lines_total,
        lines_done=progress.lines_done,
        listings=progress.listings,
        rules=progress.rules,
        problem_count=progress.problem_count,
        problem=None if refused is None else problem(refused.again(), context),
        impact=None if impact is None else impact_type(impact, context.shop.currency),
        problems=[_problem_type(one) for one in progress.problems],
    )


def _problem_type(wrong: LineProblem) -> PriceListProblem:
    return PriceListProblem(line=wrong.line, column=wrong.column, code=wrong.code)
