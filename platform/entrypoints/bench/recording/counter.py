"""The counter at which a recorded buyer is served: the application inside this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
import uvicorn
from starlette.types import ASGIApp

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.load.questions import NEW_KEY, Question
from kernel.ids import new_id

PATIENCE_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class RecordingCounter:
    """A journey's counter without a load client; `channel` is the stand-in's control desk."""

    api: httpx.AsyncClient
    channel: httpx.AsyncClient

    async def ask(self, question: Question) -> dict[str, Any]:
        """Answer a request in this process."""
        body = orjson.dumps(question.body).replace(NEW_KEY.encode(), str(new_id()).encode())
        response = await self.api.post("/graphql", content=body, headers=question.headers)
        answer: dict[str, Any] = response.json()
        return answer

    async def approve(self, intent_id: str) -> None:
        """Pay, and wait until the stand-in has told us of it, so that what is
        recorded does not depend on who was faster."""
        (await self.channel.post(f"/_sandbox/intents/{intent_id}/approve")).raise_for_status()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self._waiting()) > 0:  # noqa: ASYNC110 - another process delivers
                await asyncio.sleep(PAUSE_SECONDS)

    async def _waiting(self) -> int:
        states = (await self.channel.get("/_sandbox/deliveries")).json()["states"]
        waiting: int = states.get("pending", 0)
        return waiting


@asynccontextmanager
async def listening(app: ASGIApp, port: int) -> AsyncIterator[None]:
    """Serve the application on a port of this process too, for the channel's
    calls; with a port of 0 it will not."""
    if not port:
        yield
        return
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                raise BenchFailed(f"port {port} is taken")
            await asyncio.sleep(PAUSE_SECONDS)
        yield
    finally:
        server.should_exit = True
        await serving
