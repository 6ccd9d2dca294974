"""Which question a buyer asks next."""

import random
from collections.abc import Iterator

from entrypoints.bench.load.plan import LoadPlan
from entrypoints.bench.load.questions import Question


class Draw:
    """One buyer's questions: one at random each time, of all alike or of a kind that is drawn by
    its weight; or, where the plan says so, this buyer's part of all of them once."""

    def __init__(self, plan: LoadPlan, buyer: int, chance: random.Random) -> None:
        own = [plan.questions[place] for place in plan.pools[buyer]]
        self._once = plan.each_once
        self._part: Iterator[Question] = iter(plan.questions[buyer :: len(plan.pools)])
        self._chance = chance
        self._weights = plan.weights
        self._kinds = [[one for one in own if one.check == kind] for kind in plan.kinds] or [own]

    def next(self) -> Question | None:
        """Give the next question; None when there is no more."""
        if self._once:
            return next(self._part, None)
        if len(self._kinds) == 1:
            return self._chance.choice(self._kinds[0])
        (kind,) = self._chance.choices(self._kinds, self._weights)
        return self._chance.choice(kind)
