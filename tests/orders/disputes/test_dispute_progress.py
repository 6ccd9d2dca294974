"""What a word about a dispute asks for, in every order of words: pure."""

from dataclasses import replace
from itertools import permutations

import pytest

from billing.payment_methods.disputes import DisputeReport
from dispute_desk import disputed
from orders.disputes.progress import Known, steps

_BANK = disputed("pi_1", 10_500)
_INQUIRY = _BANK.report("INQUIRY", withdrawn=False)
_CREATED = _BANK.report("NEEDS_RESPONSE", withdrawn=False)
_TAKEN = _BANK.report("NEEDS_RESPONSE")
_ANSWERED = _BANK.report("UNDER_REVIEW")
_WON = _BANK.report("WON")
_RETURNED = _BANK.report("WON", reinstated=True)
_LOST = _BANK.report("LOST")
_DROPPED = _BANK.report("CLOSED", withdrawn=False)


def _after(reports: tuple[DisputeReport, ...]) -> tuple[Known, list[str]]:
    """What is known after these words, and what was done on the way, once each."""
    known, done = Known(), []
    for report in reports:
        todo = steps(known, report)
        named = {"withdraw": todo.withdraw, "stop": todo.stop, "reinstate": todo.reinstate}
        done += [name for name, is_done in named.items() if is_done]
        done += [f"settle {todo.settle}"] if todo.settle else []
        known = Known(
            state=todo.state,
            is_stopped=known.is_stopped or todo.stop,
            is_withdrawn=known.is_withdrawn or todo.withdraw,
            is_reinstated=known.is_reinstated or todo.reinstate,
            is_settled=known.is_settled or todo.settle is not None,
        )
    return known, done


@pytest.mark.parametrize(
    ("words", "done"),
    [
        ((_CREATED, _TAKEN, _ANSWERED, _LOST), ["settle LOST", "stop", "withdraw"]),
        (
            (_CREATED, _TAKEN, _ANSWERED, _WON, _RETURNED),
            ["reinstate", "settle WON", "stop", "withdraw"],
        ),
        ((_INQUIRY, _CREATED, _TAKEN, _LOST), ["settle LOST", "stop", "withdraw"]),
        ((_INQUIRY, _DROPPED), ["settle WON"]),
    ],
)
def test_every_order_of_words_said_twice_does_the_same_once(
    words: tuple[DisputeReport, ...], done: list[str]
) -> None:
    ends = {
        (_after(order + order)[0], *sorted(_after(order + order)[1]))
        for order in permutations(words)
    }
    (end,) = ends
    assert list(end[1:]) == done


def test_an_inquiry_stops_nothing_and_a_lost_dispute_waits_for_its_withdrawal() -> None:
    assert steps(Known(), _INQUIRY).is_nothing
    lost = steps(Known(), replace(_LOST, is_withdrawn=False))
    assert (lost.stop, lost.withdraw, lost.settle) == (True, False, None)
    known = Known(state="LOST", is_stopped=True)
    then = steps(known, _TAKEN)
    assert (then.withdraw, then.settle, then.state) == (True, "LOST", "LOST")


def test_a_second_decision_moves_nothing_and_is_seen() -> None:
    known, _ = _after((_TAKEN, _LOST))
    anew = steps(known, _RETURNED)
    assert (anew.is_nothing, anew.contradicts, anew.state) == (True, True, "LOST")
    assert not steps(known, _LOST).contradicts
