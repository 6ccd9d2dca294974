"""Serves the API over HTTP."""

import sys
from typing import Final

from kernel.settings import settings

APPLICATION: Final = "entrypoints.asgi:create_app"
SHUTDOWN_SECONDS: Final = 5
"""How long open answers and subscriptions may go on after the stop signal."""
KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays. Longer than a client or a proxy keeps one: whoever closes
first must be the one who would send next, else a request meets a connection that is just ending."""


def serve(*, host: str, port: int, workers: int) -> None:
    """This function will serve until stopped: granian in production, uvicorn elsewhere.

    Only granian has workers; who asks for several elsewhere is told that there will be one.
    """
    if settings().production:
        _serve_with_granian(host=host, port=port, workers=workers)
        return
    if workers != 1:
        sys.stderr.write(
            f"One process serves, not {workers}: --workers is for KAMENG_ENVIRONMENT=production.\n"
        )
    _serve_with_uvicorn(host=host, port=port)


def _serve_with_granian(*, host: str, port: int, workers: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        APPLICATION,
        factory=True,
        interface=Interfaces.ASGI,
        address=host,
        port=port,
        workers=workers,
        respawn_failed_workers=True,
        workers_kill_timeout=SHUTDOWN_SECONDS,
        log_access=False,
    ).serve()


def _serve_with_uvicorn(*, host: str, port: int) -> None:
    import uvicorn

    uvicorn.run(
        APPLICATION,
        factory=True,
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom to believe is decided in one place: schema/address.py
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
