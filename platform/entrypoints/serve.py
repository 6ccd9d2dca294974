"""Serves the API over HTTP: uvicorn on uvloop, everywhere, with bounds of our own."""

from typing import Final

import uvicorn

from entrypoints.guard import GuardSettings
from entrypoints.http_protocol import BoundedHttp, QuietSocket

APPLICATION: Final = "entrypoints.asgi:create_app"
SHUTDOWN_SECONDS: Final = 5
"""How long open answers and subscriptions may go on after the stop signal."""
KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays. Longer than a client or a proxy keeps one: whoever closes
first must be the one who would send next, else a request meets a connection that is just ending."""
WORKER_SECONDS: Final = 30
"""A process that gives no sign of life for so long is replaced; on a busy machine five are few."""
PING_SECONDS: Final = 30.0
"""Between two signs of life of a quiet WebSocket."""


def serve(*, host: str, port: int, workers: int) -> None:
    """Serve until stopped, with so many processes; one that dies is replaced
    where there are more than one."""
    uvicorn.run(
        APPLICATION,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http=BoundedHttp,
        ws=QuietSocket,
        ws_max_size=GuardSettings().max_websocket_message_bytes,
        # A compressor for each of many quiet sockets is most of what a socket would cost.
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        log_level="warning",  # below it every WebSocket is a line with the address that was asked
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom to believe is decided in one place: schema/address.py
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_worker_healthcheck=WORKER_SECONDS,
    )
