"""The load client: its wire, its draws, its journeys, and what it tells."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrypoints.bench.load.answers import WrongAnswer
from entrypoints.bench.load.client import Load
from entrypoints.bench.load.draw import Draw
from entrypoints.bench.load.journeys import perform
from entrypoints.bench.load.plan import LoadPlan
from entrypoints.bench.load.questions import (
    Question,
    catalogue_question,
    product_question,
    quote_question,
    sale_question,
)
from entrypoints.bench.load.reporter import Reporter
from entrypoints.bench.load.requests import Request, approval
from entrypoints.bench.load.wire import Wire, WireCut
from kernel.clock import monotonic_seconds
from patience import PATIENCE_SECONDS

BUYING = quote_question("sale_channel", "shop.test", token="t", sku_id="s", total_minor=5)
GIVING_UP = quote_question("cancel", "shop.test", token="t", sku_id="s", total_minor=5)
KEY = {"id": "k", "serial": "s", "commitment": "c" * 64}


@asynccontextmanager
async def server(answer: Callable[[bytes], list[bytes]]) -> AsyncIterator[int]:
    """A server that answers each request with the given pieces, and hangs up after an empty one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                for piece in answer(head + await reader.readexactly(length)):
                    if not piece:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.005)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def whole(body: bytes, *, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


REQUEST = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"


async def test_an_answer_is_read_whole_however_it_is_cut_into_pieces() -> None:
    pieces = [bytes([byte]) for byte in whole(b"abc")]
    async with server(lambda request: pieces) as port:
        wire = await Wire.to(port)

        assert await wire.ask(REQUEST) == (200, b"abc")
        assert await wire.ask(REQUEST) == (200, b"abc")
        wire.close()


@pytest.mark.parametrize("pieces", [[b""], [b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n"]])
async def test_a_connection_that_ends_or_says_no_length_is_an_error_and_not_a_hang(
    pieces: list[bytes],
) -> None:
    async with server(lambda request: pieces) as port:
        wire = await Wire.to(port)
        with pytest.raises(WireCut):
            await asyncio.wait_for(wire.ask(REQUEST), PATIENCE_SECONDS)
        await asyncio.sleep(0.01)
        with pytest.raises(WireCut):
            await wire.ask(REQUEST)
        wire.close()


def test_an_idempotency_key_is_new_each_time_and_the_length_stays_true() -> None:
    request = Request.of(
        sale_question("shop.test", token="t", sku_id="s", total_minor=5, currency="CNY")
    )
    first, second = request.bytes(), request.bytes()

    assert first != second
    for sent in (first, second):
        head, _, body = sent.partition(b"\r\n\r\n")
        assert f"content-length: {len(body)}".encode() in head
        assert len(orjson.loads(body)["variables"]["input"]["idempotencyKey"]) == 36
    assert b"authorization: Bearer sk_test_x\r\n" in approval("pi_1", channel_key="sk_test_x")


def plan(questions: list[Question], pools: list[list[int]], **more: Any) -> LoadPlan:
    now = monotonic_seconds()
    usual = LoadPlan(
        port=1,
        questions=questions,
        pools=pools,
        window_from_seconds=now,
        window_until_seconds=now + 0.3,
        seed=1,
    )
    return replace(usual, **more)


def test_a_plan_survives_its_way_to_the_other_process(tmp_path: Path) -> None:
    given = plan([BUYING, catalogue_question("shop.test", None)], [[0], [1, 0]], kinds=["x"])
    given.write(tmp_path / "plan.json")

    assert LoadPlan.read(tmp_path / "plan.json") == given


def test_everybody_together_asks_each_question_once() -> None:
    questions = [product_question("shop.test", str(n)) for n in range(7)]
    given = plan(questions, [[0]] * 3, each_once=True)
    asked = []
    for buyer in range(3):
        draw = Draw(given, buyer, random.Random(1))
        while (question := draw.next()) is not None:
            asked.append(question.expected["slug"])

    assert sorted(asked) == [str(n) for n in range(7)]


def test_kinds_are_drawn_by_their_weight() -> None:
    questions = [catalogue_question("shop.test", None), product_question("shop.test", "s"), BUYING]
    weights = {"kinds": ["catalogue", "product", "sale_channel"], "weights": [0.6, 0.3, 0.1]}
    draw = Draw(plan(questions, [[0, 1, 2]], **weights), 0, random.Random(1))
    drawn = Counter(question.check for _ in range(2_000) if (question := draw.next()))

    assert drawn["catalogue"] == pytest.approx(1_200, rel=0.1)
    assert drawn["sale_channel"] == pytest.approx(200, rel=0.3)


def test_a_stretch_is_told_once_and_then_forgotten() -> None:
    reporter = Reporter()
    for latency_ms in range(1, 101):
        reporter.answered(float(latency_ms))
    reporter.errors = 2

    assert reporter.line() == {
        "operations": 100,
        "errors": 2,
        "p50_ms": 51.0,
        "p95_ms": 96.0,
        "p99_ms": 100.0,
    }
    assert reporter.line()["operations"] == 0


async def test_only_whole_answers_within_the_window_count() -> None:
    page = {"edges": [{"node": node()} for _ in range(24)]}
    answers = [
        whole(orjson.dumps({"data": {"products": page}})),
        whole(orjson.dumps({"data": {"products": {"edges": []}}})),
        whole(b"no", status=503),
        whole(b"not json"),
    ]
    turn = iter(answers * 10_000)
    async with server(lambda request: [next(turn)]) as port:
        for window_seconds in (0.3, 3, 30):  # a machine that is held up needs a longer one
            until_seconds = monotonic_seconds() + window_seconds
            questions = [catalogue_question("shop.test", None)]
            given = plan(questions, [[0]], port=port, window_until_seconds=until_seconds)
            result = await Load(given).run()
            if result.operations >= 4:
                break

    assert 0 < result.operations <= result.errors <= 4 * result.operations
    assert len(result.latencies_ms) == result.operations
    assert {error[:9] for error in result.first_errors} >= {"catalogue", "status 50"}
    assert result.cpu_seconds > 0


def node() -> dict[str, Any]:
    price = {"amount": {"amountMinor": 5}}
    return {"id": "i", "name": "n", "slug": "s", "price": price, "stock": {"quantity": 1}}


@dataclass
class Till:
    """A counter that answers from a script and notes what it was asked."""

    answers: dict[str, list[dict[str, Any]]]
    asked: list[Question] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)

    async def ask(self, question: Question) -> dict[str, Any]:
        self.asked.append(question)
        answers = self.answers[question.check]
        return {"data": answers.pop(0) if len(answers) > 1 else answers[0]}

    async def approve(self, intent_id: str) -> None:
        self.approved.append(intent_id)


def till(*looks: dict[str, Any]) -> Till:
    quote = {"quote": {"id": "q", "total": {"amountMinor": 5}}}
    order = {
        "no": "K1",
        "status": "PENDING_PAYMENT",
        "total": {"amountMinor": 5},
        "lines": [{"commitments": ["c" * 64]}],
    }
    return Till(
        {
            "sale_channel": [quote],
            "cancel": [quote],
            "order": [{"orderCreate": {"order": order}}],
            "payment": [{"paymentStart": {"paymentId": "p", "clientSecret": "pi_1_secret_2"}}],
            "looked": [{"order": look} for look in looks],
            "canceled": [{"orderCancel": {"order": {"status": "CANCELED"}}}],
        }
    )


def order_that(status: str, *keys: dict[str, Any]) -> dict[str, Any]:
    return {"no": "K1", "status": status, "lines": [{"quantity": 1, "keys": list(keys)}]}


async def test_a_sale_by_channel_is_over_when_its_key_is_there() -> None:
    served = till(order_that("PENDING_PAYMENT"), order_that("DELIVERED", KEY))
    await perform(served, BUYING)

    assert [one.check for one in served.asked] == [
        "sale_channel", "order", "payment", "looked", "looked",
    ]  # fmt: skip
    assert served.approved == ["pi_1"]
    assert served.asked[2].variables["input"]["orderNo"] == "K1"
    assert {(one.host, one.token) for one in served.asked} == {("shop.test", "t")}


async def test_a_sale_by_channel_that_fails_at_any_step_is_none() -> None:
    for step, wrong in (
        ("sale_channel", {"quote": {"code": "OUT_OF_STOCK"}}),
        ("order", {"orderCreate": {"code": "OUT_OF_STOCK"}}),
        ("payment", {"paymentStart": {"code": "CHANNEL_UNAVAILABLE"}}),
        ("looked", {"order": order_that("EXPIRED")}),
    ):
        served = till(order_that("DELIVERED", KEY))
        served.answers[step] = [wrong]
        with pytest.raises(WrongAnswer):
            await perform(served, BUYING)


async def test_an_order_is_made_and_cancelled_in_one_operation() -> None:
    served = till()
    await perform(served, GIVING_UP)

    assert [one.check for one in served.asked] == ["cancel", "order", "canceled"]
    assert served.asked[2].variables == {"input": {"orderNo": "K1"}}
