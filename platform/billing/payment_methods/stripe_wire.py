"""How Stripe's library sends its requests: over connections that stay open, once, and in time."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from weakref import WeakKeyDictionary

import httpcore
import stripe

IDLE_SECONDS: Final = 30.0
"""A connection that was quiet for longer is not used again: its server may be closing it."""

_unanswered: Callable[[str], Exception] = stripe.APIConnectionError


class StripeWire(stripe.HTTPClient):
    """The library's transport; a request takes `timeout_seconds` at most, connecting included.

    It speaks to one server, follows nothing and keeps no cookies: what lies below httpx is enough,
    at three quarters of its processor time.
    """

    name = "kameng"

    def __init__(self, *, timeout_seconds: float) -> None:
        super().__init__()
        self._timeout_seconds = timeout_seconds
        # A connection belongs to the loop that has opened it.
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, httpcore.AsyncConnectionPool] = (
            WeakKeyDictionary()
        )

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request once; raises the library's word for an answer that did not come."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._pool().request(
                    method.upper(),
                    url,
                    headers=list(headers.items()),
                    content=(post_data or "").encode(),
                )
        except TimeoutError:
            raise _unanswered("no answer in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise _unanswered(f"{type(error).__name__}: {error}") from error
        told = {name.decode().lower(): value.decode("latin-1") for name, value in answer.headers}
        return answer.content, answer.status, told

    async def close_async(self) -> None:
        """Hang up."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()

    def _pool(self) -> httpcore.AsyncConnectionPool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = httpcore.AsyncConnectionPool(
                ssl_context=_tls(), max_connections=None, keepalive_expiry=IDLE_SECONDS
            )
            self._pools[loop] = pool
        return pool


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The authorities that the library trusts; reading them takes many milliseconds."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)
