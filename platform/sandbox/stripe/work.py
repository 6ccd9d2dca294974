"""One unit of work: the state it changes, the moment it happens, the request it belongs to."""

from dataclasses import dataclass

from sandbox.stripe.config import API_VERSION, SandboxConfig
from sandbox.stripe.faults import Faults
from sandbox.stripe.store import Store
from sandbox.stripe.wire import Json


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a use case needs; `now` is in seconds since the epoch."""

    config: SandboxConfig
    store: Store
    faults: Faults
    now: float
    api_version: str = API_VERSION
    request_id: str | None = None
    idempotency_key: str | None = None

    @property
    def created(self) -> int:
        """Give the moment as Stripe writes it: whole seconds."""
        return int(self.now)

    def intent(self, intent_id: str) -> Json:
        """Give the payment intent, or raise NoSuchObject."""
        return self.store.get(kind="payment_intent", object_id=intent_id, param="intent")

    def charge(self, charge_id: str) -> Json:
        """Give the charge, or raise NoSuchObject."""
        return self.store.get(kind="charge", object_id=charge_id, param="charge")
