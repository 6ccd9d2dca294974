"""What a buyer does in one operation: one request, or several that follow from each other."""

import asyncio
from typing import Any, Final, Protocol

from entrypoints.bench.load import documents
from entrypoints.bench.load.answers import WrongAnswer, check, is_delivered
from entrypoints.bench.load.questions import NEW_KEY, Question

FIRST_LOOK_SECONDS: Final = 0.02
"""The way back from the channel's page to the shop's."""
LONGEST_PAUSE_SECONDS: Final = 1.0
LOOKS: Final = 16
"""With pauses that double, about ten seconds."""


class Counter(Protocol):
    """Where a buyer is served: the shop's API, and the page of the payment channel."""

    async def ask(self, question: Question) -> dict[str, Any]:
        """Send a request with new idempotency keys and give its answer."""

    async def approve(self, intent_id: str) -> None:
        """Pay at the channel."""


async def perform(counter: Counter, question: Question) -> None:
    """Carry out one operation; `WrongAnswer` when any step of it is wrong."""
    data = check(question, await counter.ask(question))
    if question.check == "sale_channel":
        await _buy_by_channel(counter, question, data["quote"]["id"])
    elif question.check == "cancel":
        await _order_and_cancel(counter, question, data["quote"]["id"])


async def _order(counter: Counter, question: Question, quote_id: str) -> str:
    given = {"quoteId": quote_id, "idempotencyKey": NEW_KEY}
    asked = question.then("order", documents.ORDER_CREATE, input=given)
    no: str = check(asked, await counter.ask(asked))["orderCreate"]["order"]["no"]
    return no


async def _buy_by_channel(counter: Counter, question: Question, quote_id: str) -> None:
    no = await _order(counter, question, quote_id)
    given = {"orderNo": no, "method": "CARD", "idempotencyKey": NEW_KEY, "returnPath": "/"}
    asked = question.then("payment", documents.PAYMENT_START, input=given)
    started = check(asked, await counter.ask(asked))["paymentStart"]
    await counter.approve(started["clientSecret"].partition("_secret_")[0])
    await _look_until_delivered(counter, question.then("looked", documents.ORDER, no=no))


async def _look_until_delivered(counter: Counter, look: Question) -> None:
    """Look as a shop's page does: when the buyer is back, and then less and less often."""
    pause_seconds = FIRST_LOOK_SECONDS
    for _ in range(LOOKS):
        await asyncio.sleep(pause_seconds)
        if is_delivered(check(look, await counter.ask(look))["order"]):
            return
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
    raise WrongAnswer(f"{look.variables['no']} was paid and not delivered")


async def _order_and_cancel(counter: Counter, question: Question, quote_id: str) -> None:
    no = await _order(counter, question, quote_id)
    asked = question.then("canceled", documents.ORDER_CANCEL, input={"orderNo": no})
    check(asked, await counter.ask(asked))
