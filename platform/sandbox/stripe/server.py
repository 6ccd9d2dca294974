"""The running sandbox: one account's configuration, state and faults, and who uses them now."""

import asyncio
import hmac
from base64 import b64decode

from sandbox.stripe.clock import now_seconds
from sandbox.stripe.config import API_VERSION, SandboxConfig
from sandbox.stripe.errors import Unauthorized
from sandbox.stripe.faults import Faults
from sandbox.stripe.store import Store
from sandbox.stripe.work import Work


class Sandbox:
    """What every request and the courier share."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.store = Store(config.state_file)
        self.faults = Faults()
        self.keys_in_use: set[str] = set()
        self.mail_waits = asyncio.Event()

    def work(
        self,
        *,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        api_version: str = API_VERSION,
    ) -> Work:
        """Begin a unit of work at the present moment."""
        return Work(
            config=self.config,
            store=self.store,
            faults=self.faults,
            now=now_seconds(),
            request_id=request_id,
            idempotency_key=idempotency_key,
            api_version=api_version,
        )

    def authenticate(self, authorization: str) -> None:
        """Raise Unauthorized unless the header carries the account's key."""
        key = _key_from(authorization)
        if not key:
            raise Unauthorized(
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY')."
            )
        if not hmac.compare_digest(key.encode(), self.config.api_key.encode()):
            raise Unauthorized(f"Invalid API Key provided: {_masked(key)}")


def _key_from(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:
        return ""


def _masked(key: str) -> str:
    return key[:8] + "*" * max(0, len(key) - 12) + key[-4:] if len(key) > 12 else "*" * len(key)
