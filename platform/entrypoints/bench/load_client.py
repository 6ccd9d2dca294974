"""The load: a process of its own, so that what it costs is not taken for the product's.

A closed loop over keep-alive connections: each sends its next request when the last answer has
been read and checked. It speaks just enough HTTP/1.1 for that, because a whole HTTP library would
take more of the processor than the product leaves. The plan and the result are JSON files.
"""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson

from entrypoints.bench.answers import WrongAnswer, check
from entrypoints.bench.questions import NEW_KEY, Question

PATIENCE_SECONDS: Final = 15.0
ERRORS_SHOWN: Final = 5
_KEY: Final = NEW_KEY.encode()


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Whom to ask what, and when. Times are of the monotonic clock, which processes share."""

    port: int
    pools: list[list[Question]]
    """One list of questions a connection; each time one of them is drawn."""
    window_from_seconds: float
    window_until_seconds: float
    seed: int

    def write(self, file: Path) -> None:
        """This function will write the plan for `read`."""
        file.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "LoadPlan":
        """This function will read a plan."""
        given = orjson.loads(file.read_bytes())
        pools = [[Question.from_json(one) for one in pool] for pool in given.pop("pools")]
        return cls(pools=pools, **given)


@dataclass(slots=True)
class LoadResult:
    """What was answered within the window. `cpu_seconds` is the client's own processor time."""

    operations: int = 0
    errors: int = 0
    first_errors: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @classmethod
    def read(cls, file: Path) -> "LoadResult":
        """This function will read what `main` has written."""
        return cls(**orjson.loads(file.read_bytes()))


class Load:
    """All connections of one run."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.result = LoadResult()
        self.draw = random.Random(plan.seed)  # noqa: S311 - which page is asked for is no secret
        self.open = len(plan.pools)
        self.ended = asyncio.Event()
        self._cpu_at_start = 0.0

    async def run(self) -> LoadResult:
        """This function will ask until the window ends and give what was counted in it."""
        loop = asyncio.get_running_loop()
        loop.call_at(self.plan.window_from_seconds, self._begin_window)
        loop.call_at(self.plan.window_until_seconds, self._end_window)
        for pool in self.plan.pools:
            await loop.create_connection(lambda p=pool: _Connection(self, p), *self._address())  # type: ignore[misc]
        end = self.plan.window_until_seconds + PATIENCE_SECONDS
        try:
            async with asyncio.timeout_at(end):
                await self.ended.wait()
        except TimeoutError:
            self.fail(f"{self.open} requests were not answered")
        return self.result

    def _address(self) -> tuple[str, int]:
        return "127.0.0.1", self.plan.port

    def _begin_window(self) -> None:
        self._cpu_at_start = time.process_time()

    def _end_window(self) -> None:
        self.result.cpu_seconds = time.process_time() - self._cpu_at_start

    def answered(self, asked_at: float, now: float) -> None:
        """This function will count an answer, if it came within the window."""
        if self.plan.window_from_seconds <= now < self.plan.window_until_seconds:
            self.result.operations += 1
            self.result.latencies_ms.append((now - asked_at) * 1000)

    def fail(self, what: str) -> None:
        """This function will count an error, whenever it came."""
        self.result.errors += 1
        if len(self.result.first_errors) < ERRORS_SHOWN:
            self.result.first_errors.append(what[:2000])

    def one_ended(self) -> None:
        """This function will note that a connection asks no more."""
        self.open -= 1
        if self.open == 0:
            self.ended.set()


class _Connection(asyncio.Protocol):
    """One buyer: asks, waits, checks, asks again."""

    def __init__(self, load: Load, pool: Sequence[Question]) -> None:
        self._load = load
        self._pool = [(question, _head(question), _body(question)) for question in pool]
        self._received = bytearray()
        self._awaited_bytes = 0
        self._body_from = 0
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._question, head, body = self._load.draw.choice(self._pool)
        if self._question.token is not None:
            body = body.replace(_KEY, str(uuid4()).encode())
        self._asked_at = time.monotonic()
        self._transport.write(head + body)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._awaited_bytes and not self._read_head():
            return
        if len(self._received) >= self._awaited_bytes:
            status, body = bytes(self._received[9:12]), bytes(self._received[self._body_from :])
            self._received.clear()
            self._awaited_bytes = 0
            self._judge(status, body)

    def _read_head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end]).lower()
        _, found, rest = head.partition(b"content-length:")
        if not found:
            self._load.fail(f"no content-length: {head!r}")
            self._end()
            return False
        self._body_from = end + 4
        self._awaited_bytes = self._body_from + int(rest.partition(b"\r\n")[0])
        return True

    def _judge(self, status: bytes, body: bytes) -> None:
        now = time.monotonic()
        try:
            if status != b"200":
                raise WrongAnswer(f"status {status!r}: {body[:300]!r}")
            check(self._question, orjson.loads(body))
        except (WrongAnswer, orjson.JSONDecodeError) as wrong:
            self._load.fail(str(wrong))
        else:
            self._load.answered(self._asked_at, now)
        if now < self._load.plan.window_until_seconds:
            self._ask()
        else:
            self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._transport.close()
            self._load.one_ended()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended:
            self._load.fail(f"the connection was closed: {exc}")
            self._end()


def _body(question: Question) -> bytes:
    return orjson.dumps(question.body)


def _head(question: Question) -> bytes:
    """The idempotency keys are as long as their placeholder, so the length stays."""
    headers: dict[str, Any] = {**question.headers, "content-length": len(_body(question))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /graphql HTTP/1.1\r\n{lines}\r\n".encode()


def main(plan_file: Path, result_file: Path) -> None:
    """This function will run a plan and write its result."""
    result = asyncio.run(Load(LoadPlan.read(plan_file)).run())
    result_file.write_bytes(orjson.dumps(asdict(result)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
