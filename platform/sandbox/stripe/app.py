"""The Starlette application of one sandbox account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe.config import SandboxConfig
from sandbox.stripe.connect_operations import CONNECT_OPERATIONS
from sandbox.stripe.control import ControlDesk
from sandbox.stripe.courier import Courier
from sandbox.stripe.errors import ApiError
from sandbox.stripe.gateway import endpoint, error_answer
from sandbox.stripe.onboarding import Onboarding
from sandbox.stripe.operations import OPERATIONS
from sandbox.stripe.pages import Pages
from sandbox.stripe.server import Sandbox
from sandbox.stripe.session_pages import SessionPages


class UnknownAddress(ApiError):
    """No operation lives at this method and path."""

    status_code = 404


def create_app(config: SandboxConfig) -> Starlette:
    """Build the server of one account; its state file is opened at once."""
    sandbox = Sandbox(config)
    client = httpx.AsyncClient(trust_env=False)
    courier = Courier(sandbox, client)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.courier = asyncio.create_task(courier.run())
        yield
        app.state.courier.cancel()
        with suppress(asyncio.CancelledError):
            await app.state.courier
        await client.aclose()
        sandbox.store.close()

    routes = [
        *(
            Route(operation.path, endpoint(sandbox, operation), methods=[operation.method])
            for operation in (*OPERATIONS, *CONNECT_OPERATIONS)
        ),
        *ControlDesk(sandbox, courier).routes(),
        *Pages(sandbox).routes(),
        *Onboarding(sandbox).routes(),
        *SessionPages(sandbox).routes(),
        Route("/healthz", _health, methods=["GET"]),
    ]
    return Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _unknown_address}
    )


async def _health(request: Request) -> Response:
    """Healthy is: the server answers, and its courier has not stopped."""
    healthy = not request.app.state.courier.done()
    return JSONResponse(
        {"status": "ok" if healthy else "the courier has stopped"},
        status_code=200 if healthy else 503,
    )


async def _unknown_address(request: Request, error: Exception) -> Response:
    answer = error_answer(
        UnknownAddress(f"Unrecognized request URL ({request.method}: {request.url.path}).")
    )
    return Response(answer.body, answer.status_code, media_type="application/json")
