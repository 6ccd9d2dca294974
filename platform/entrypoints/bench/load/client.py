"""The load client: a process of its own, so that what it costs is not taken for the product's.

A closed loop over keep-alive connections: each sends its next request when the last answer has
been read and checked. The plan and the result are JSON files.
"""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from entrypoints.bench.load.answers import WrongAnswer
from entrypoints.bench.load.draw import Draw
from entrypoints.bench.load.journeys import perform
from entrypoints.bench.load.plan import LoadPlan, LoadResult
from entrypoints.bench.load.questions import Question
from entrypoints.bench.load.reporter import Reporter
from entrypoints.bench.load.requests import Request, approval
from entrypoints.bench.load.wire import Wire, WireCut

PATIENCE_SECONDS: Final = 15.0
ERRORS_SHOWN: Final = 5


@dataclass(slots=True)
class Visit:
    """One buyer's connections; a journey's counter."""

    plan: LoadPlan
    requests: dict[int, Request]
    """By the question's identity: those of the plan are written once."""
    api: Wire
    channel: Wire | None = None

    async def ask(self, question: Question) -> dict[str, Any]:
        """Send a request and read its answer."""
        request = self.requests.get(id(question)) or Request.of(question)
        status, body = await self.api.ask(request.bytes())
        if status != 200:
            raise WrongAnswer(f"status {status}: {body[:300]!r}")
        answer: dict[str, Any] = orjson.loads(body)
        return answer

    async def approve(self, intent_id: str) -> None:
        """Pay at the channel's stand-in."""
        if self.channel is None:
            self.channel = await Wire.to(self.plan.channel_port)
        request = approval(intent_id, channel_key=self.plan.channel_key)
        status, body = await self.channel.ask(request)
        if status != 200:
            raise WrongAnswer(f"the channel answers {status}: {body[:300]!r}")

    def close(self) -> None:
        """Hang up."""
        for wire in (self.api, self.channel):
            if wire is not None:
                wire.close()


@dataclass(slots=True)
class Load:
    """All connections of one run."""

    plan: LoadPlan
    result: LoadResult = field(default_factory=LoadResult)
    reporter: Reporter = field(default_factory=Reporter)
    requests: dict[int, Request] = field(default_factory=dict)
    cpu_at_start_seconds: float = 0.0

    async def run(self) -> LoadResult:
        """Ask until the window ends and give what was counted in it."""
        self.requests = {id(one): Request.of(one) for one in self.plan.questions}
        loop = asyncio.get_running_loop()
        loop.call_at(self.plan.window_from_seconds, self._begin_window)
        loop.call_at(self.plan.window_until_seconds, self._end_window)
        if self.plan.report_every_seconds:
            reporting = loop.create_task(self.reporter.run(self.plan.report_every_seconds))
        buyers = [asyncio.create_task(self._buy(n)) for n in range(len(self.plan.pools))]
        end = self.plan.window_until_seconds + PATIENCE_SECONDS - loop.time()
        _, late = await asyncio.wait(buyers, timeout=max(0.0, end))
        if late:
            self._fail(f"{len(late)} requests were not answered")
        if self.plan.report_every_seconds:
            reporting.cancel()
        return self.result

    def _begin_window(self) -> None:
        self.cpu_at_start_seconds = time.process_time()

    def _end_window(self) -> None:
        self.result.cpu_seconds = time.process_time() - self.cpu_at_start_seconds

    async def _buy(self, number: int) -> None:
        """One buyer: asks, waits, checks, asks again; a connection that breaks is made anew."""
        seed = self.plan.seed + number
        draw = Draw(self.plan, number, random.Random(seed))  # noqa: S311 - which page is no secret
        going_on = True
        while going_on and time.monotonic() < self.plan.window_until_seconds:
            try:
                visit = Visit(self.plan, self.requests, await Wire.to(self.plan.port))
            except OSError as refused:
                self._fail(f"no connection: {refused}")
                await asyncio.sleep(0.1)
                continue
            try:
                going_on = await self._visit(visit, draw)
            except WireCut as cut:
                self._fail(str(cut))
            finally:
                visit.close()

    async def _visit(self, visit: Visit, draw: Draw) -> bool:
        """Ask until the window ends, or until there is no more to ask: then False."""
        while (asked_at := time.monotonic()) < self.plan.window_until_seconds:
            question = draw.next()
            if question is None:
                return False
            try:
                await perform(visit, question)
            except (WrongAnswer, orjson.JSONDecodeError) as wrong:
                self._fail(str(wrong))
            else:
                self._answered(asked_at, time.monotonic())
        return True

    def _answered(self, asked_at: float, now: float) -> None:
        """Count an answer, if it came within the window."""
        if self.plan.window_from_seconds <= now < self.plan.window_until_seconds:
            latency_ms = (now - asked_at) * 1000
            self.result.operations += 1
            if self.plan.report_every_seconds:
                self.reporter.answered(latency_ms)
            else:
                self.result.latencies_ms.append(latency_ms)

    def _fail(self, what: str) -> None:
        """Count an error, whenever it came."""
        self.result.errors += 1
        self.reporter.errors += 1
        if len(self.result.first_errors) < ERRORS_SHOWN:
            self.result.first_errors.append(what[:2000])


def main(arguments: Sequence[str]) -> None:
    """Run a plan and write its result."""
    plan_file, result_file = map(Path, arguments)
    result = asyncio.run(Load(LoadPlan.read(plan_file)).run())
    result_file.write_bytes(orjson.dumps(asdict(result)))


if __name__ == "__main__":
    main(sys.argv[1:])
