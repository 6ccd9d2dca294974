"""How Stripe's library sends its requests: over our own connections, which stay open."""

import ssl
from collections.abc import Callable, Mapping

import stripe

from kernel.http_client import HttpClient, HttpFailed

_unanswered: Callable[[str], Exception] = stripe.APIConnectionError


class StripeWire(stripe.HTTPClient):
    """The library's transport; a request takes `timeout_seconds` at most."""

    name = "kameng"

    def __init__(self, *, timeout_seconds: float) -> None:
        super().__init__()
        self._http = HttpClient(timeout_seconds=timeout_seconds, tls=_tls)

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request once; raises the library's word for an answer that did not come."""
        body = (post_data or "").encode()
        try:
            answer = await self._http.ask(method.upper(), url, headers=headers, body=body)
        except HttpFailed as failed:
            raise _unanswered(str(failed)) from failed
        return answer.body, answer.status_code, answer.headers

    async def close_async(self) -> None:
        """Hang up."""
        self._http.close()


def _tls() -> ssl.SSLContext:
    """The authorities that the library trusts."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)
