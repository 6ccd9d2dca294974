"""What a channel's word about a dispute changes: pure, and the same in whatever order it comes.

A report is the whole dispute at some moment. A case only ever learns more: a later state, that the
money was taken, that it came back. So reports commute, and one that is heard again changes nothing.
"""

from dataclasses import dataclass
from typing import Final, Literal

from billing.payment_methods.disputes import DisputeReport, DisputeState

_PLACE: Final[dict[DisputeState, int]] = {
    "INQUIRY": 0,
    "NEEDS_RESPONSE": 1,
    "UNDER_REVIEW": 2,
    "WON": 3,
    "LOST": 3,
    "CLOSED": 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What has been done about a dispute; nothing yet unless said."""

    state: DisputeState | None = None
    is_stopped: bool = False
    is_withdrawn: bool = False
    is_reinstated: bool = False
    is_settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What is to be done now, in this order."""

    state: DisputeState
    withdraw: bool
    stop: bool
    reinstate: bool
    settle: Literal["WON", "LOST"] | None
    contradicts: bool
    """The channel decides anew what it has decided: nothing moves, and a person must look."""

    @property
    def is_nothing(self) -> bool:
        """True where no money moves and nothing stops or goes on."""
        return not (self.withdraw or self.stop or self.reinstate or self.settle)


def steps(known: Known, report: DisputeReport) -> Steps:
    """Say what a report asks for."""
    state = later(known.state, report.state)
    is_withdrawn = known.is_withdrawn or report.is_withdrawn
    ended = state in ("WON", "CLOSED") or (state == "LOST" and is_withdrawn)
    settle: Literal["WON", "LOST"] | None = None
    if ended and not known.is_settled:
        settle = "LOST" if state == "LOST" else "WON"
    return Steps(
        state=state,
        withdraw=report.is_withdrawn and not known.is_withdrawn,
        stop=not known.is_stopped and state not in ("INQUIRY", "CLOSED"),
        reinstate=state == "WON"
        and is_withdrawn
        and report.is_reinstated
        and not known.is_reinstated,
        settle=settle,
        contradicts=known.state != report.state
        and known.state is not None
        and _PLACE[known.state] == _PLACE[report.state],
    )


def later(known: DisputeState | None, said: DisputeState) -> DisputeState:
    """The later of two states; of two that end a dispute, the one that was known first."""
    if known is None or _PLACE[said] > _PLACE[known]:
        return said
    return known
