"""Buyers who watch one order over `graphql-transport-ws`: a process of its own.

It opens all sockets, prints `open` when each has had its first event, and then notes when each
hears that the order has ended. The plan and the result are JSON files.
"""

import asyncio
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from entrypoints.bench.load.documents import WATCH

OPENING_AT_ONCE: Final = 20
PROTOCOL: Final = Subprotocol("graphql-transport-ws")
OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """Who watches what, how many times, and how long at most, in seconds, for the opening and for
    the waiting."""

    port: int
    host: str
    token: str
    order_no: str
    sockets: int
    opening_seconds: float
    waiting_seconds: float

    def write(self, file: Path) -> None:
        """Write the plan for `main`."""
        file.write_bytes(orjson.dumps(asdict(self)))


@dataclass(slots=True)
class Watched:
    """When each socket heard the end, on the monotonic clock, and what went wrong."""

    heard_at_seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0


@dataclass(slots=True)
class Watch:
    """All sockets of one run."""

    plan: WatchPlan
    watched: Watched = field(default_factory=Watched)
    sockets: list[ClientConnection] = field(default_factory=list)

    async def run(self) -> Watched:
        """Open, wait, and give what was heard."""
        places = asyncio.Semaphore(OPENING_AT_ONCE)
        try:
            async with asyncio.timeout(self.plan.opening_seconds):
                await asyncio.gather(*(self._open(places) for _ in range(self.plan.sockets)))
        except TimeoutError:
            self._fail(f"only {len(self.sockets)} sockets could be opened")
        print(OPEN, flush=True)
        cpu = time.process_time()
        hearing = [asyncio.create_task(self._hear(socket)) for socket in self.sockets]
        await asyncio.wait(hearing, timeout=self.plan.waiting_seconds)
        self.watched.cpu_seconds = time.process_time() - cpu
        for task in hearing:
            task.cancel()
        for transport in (socket.transport for socket in self.sockets):
            transport.abort()
        return self.watched

    async def _open(self, places: asyncio.Semaphore) -> None:
        async with places:
            try:
                socket = await connect(
                    f"ws://{self.plan.host}:{self.plan.port}/graphql/",
                    host="127.0.0.1",
                    port=self.plan.port,
                    subprotocols=[PROTOCOL],
                    compression=None,
                    ping_interval=None,
                    proxy=None,
                    open_timeout=self.plan.opening_seconds,
                )
                await self._subscribe(socket)
            except (WebSocketException, OSError) as broken:
                self._fail(f"{type(broken).__name__}: {broken}")

    async def _subscribe(self, socket: ClientConnection) -> None:
        bearer = {"authorization": f"Bearer {self.plan.token}"}
        await socket.send(orjson.dumps({"type": "connection_init", "payload": bearer}).decode())
        variables = {"no": self.plan.order_no}
        payload = {"query": WATCH, "variables": variables}
        start = {"id": "1", "type": "subscribe", "payload": payload}
        if (await _message(socket))["type"] != "connection_ack":
            self._fail("the socket was not taken")
            return
        await socket.send(orjson.dumps(start).decode())
        if await self._status(socket) == "PENDING_PAYMENT":
            self.sockets.append(socket)

    async def _hear(self, socket: ClientConnection) -> None:
        try:
            status = await self._status(socket)
        except (WebSocketException, OSError) as broken:
            self._fail(f"{type(broken).__name__}: {broken}")
            return
        if status == "CANCELED":
            self.watched.heard_at_seconds.append(time.monotonic())

    async def _status(self, socket: ClientConnection) -> str:
        """The order's status in the next event; an answer without one counts as an error."""
        message = await _message(socket)
        try:
            status: str = message["payload"]["data"]["orderUpdated"]["order"]["status"]
            return status
        except (KeyError, TypeError):
            self._fail(f"no event: {message}")
            return ""

    def _fail(self, what: str) -> None:
        self.watched.errors.append(what[:500])


async def _message(socket: ClientConnection) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = orjson.loads(await socket.recv())
        if message["type"] not in ("ping", "pong"):
            return message


def main(plan_file: Path, result_file: Path) -> None:
    """Carry out a plan and write what was heard."""
    plan = WatchPlan(**orjson.loads(plan_file.read_bytes()))
    result_file.write_bytes(orjson.dumps(asdict(asyncio.run(Watch(plan).run()))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
