"""How far an import has got, and what it has found: kept in its row, so that anybody can go on."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID

import orjson

from kernel.errors import Refusal
from offers.price_desk.goods import FIRST
from offers.price_desk.impact import Impact, PriceMove, ShopImpact
from offers.price_desk.price_lists.plan import Plan
from offers.price_desk.sheets.price_list import LineProblem
from tenants.pricing import Guard

MAX_PROBLEMS: Final = 100
_LAST: Final = UUID(int=(1 << 128) - 1)
TURNS: Final = 8
"""How often an import is tried anew because somebody else has changed the shop's prices."""


@dataclass(frozen=True, slots=True)
class Said:
    """A refusal as a row keeps it."""

    code: str
    message: str
    field: str | None
    details: dict[str, int | str]

    def again(self) -> Refusal:
        """The refusal, as it was raised in another process."""
        kind: type[Refusal] = type("RefusedBefore", (Refusal,), {"code": self.code})
        return kind(self.message, field=self.field, details=self.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What an import has read and tried, behind which SKU it goes on, and what was wrong."""

    lines_total: int = 0
    lines_done: int = 0
    listings: int = 0
    rules: int = 0
    problem_count: int = 0
    problems: tuple[LineProblem, ...] = ()
    refused: Said | None = None
    impact: Impact | None = None
    begun: int = 0
    """How often it was begun, at one version of the shop after another."""
    version: int | None = None
    after: UUID = FIRST

    def planned(self, plan: Plan) -> "Progress":
        """What the file says."""
        return replace(
            self,
            lines_total=plan.lines_total,
            listings=len(plan.listings),
            rules=len(plan.rules),
        )

    def at(self, version: int) -> "Progress":
        """Go on at a version of the shop: from the beginning where it is another one."""
        if version == self.version:
            return self
        return Progress(
            lines_total=self.lines_total,
            listings=self.listings,
            rules=self.rules,
            begun=self.begun + 1,
            version=version,
        )

    def looked(self, plan: Plan, last_sku_id: UUID, found: Iterable[LineProblem]) -> "Progress":
        """Everything up to a SKU has been tried."""
        done = bisect_right(plan.sku_ids, last_sku_id)
        return replace(self.wrong(found), after=last_sku_id, lines_done=done)

    def all_looked(self) -> "Progress":
        """There is nothing behind the last SKU."""
        return replace(self, after=_LAST, lines_done=self.lines_total)

    def wrong(self, found: Iterable[LineProblem]) -> "Progress":
        """More is wrong; the first hundred are kept. A line about many goods is told once."""
        new = set(found) - set(self.problems)
        more = sorted(new, key=lambda problem: (problem.line, problem.column, problem.code))
        return replace(
            self,
            problem_count=self.problem_count + len(more),
            problems=(*self.problems, *more)[:MAX_PROBLEMS],
        )

    def refused_for(self, refusal: Refusal) -> "Progress":
        """It ends here, for this reason."""
        said = Said(refusal.code, refusal.message, refusal.field, refusal.details)
        return replace(self, refused=said)

    def as_json(self) -> str:
        """Write it into the row."""
        # An id that was read is of asyncpg's own class.
        return orjson.dumps(asdict(self), default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def progress_of(text: str) -> Progress:
    """Read what a row says."""
    said: dict[str, Any] = orjson.loads(text)
    if not said:
        return Progress()
    said["problems"] = tuple(LineProblem(**one) for one in said["problems"])
    said["refused"] = None if said["refused"] is None else Said(**said["refused"])
    said["impact"] = None if said["impact"] is None else _impact(said["impact"])
    return Progress(**{**said, "after": UUID(said["after"])})


def _impact(said: dict[str, Any]) -> Impact:
    shops = {
        slug: ShopImpact(
            **{**shop, "guards": {Guard(name): many for name, many in shop["guards"].items()}}
        )
        for slug, shop in said["shops"].items()
    }
    moves = [PriceMove(**one) for one in said["moves"]]
    return Impact(**{**said, "shops": shops, "moves": moves})
