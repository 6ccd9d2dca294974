"""Faults on demand: what a test may ask the provider to do wrong, and until when."""

import secrets
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_dice = secrets.SystemRandom()


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _OnRequests(_Fault):
    """A fault on API requests: the next `requests` of them (None: all) under `path_prefix`."""

    requests: int | None = Field(default=None, ge=1)
    path_prefix: str = "/v1/"


class Slow(_OnRequests):
    """Each request waits this long before its work is done."""

    seconds: float = Field(gt=0, le=120)


class ServerError(_OnRequests):
    """Each request is answered 5xx; `after_work`: the work IS done and only its answer lost."""

    status_code: int = Field(default=500, ge=500, le=599)
    after_work: bool = False


class RateLimit(_OnRequests):
    """Each request is answered 429."""


class Lost(_Fault):
    """Events are recorded but never delivered; with `types`, only those."""

    types: tuple[str, ...] | None = None


class OutOfOrder(_Fault):
    """Events are held back until a flush, or each is delayed by a random part of a window."""

    hold: bool = True
    shuffle_seconds: float | None = Field(default=None, gt=0, le=120)


class Undecided(_Fault):
    """The end takes a while (seconds None: until the faults are cleared), and is `outcome`."""

    seconds: float | None = Field(default=None, ge=0, le=3_600)
    outcome: Literal["succeeded", "failed"] = "succeeded"


class FaultPlan(BaseModel):
    """Every fault in force; a field that is None is no fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slow: Slow | None = None
    error_5xx: ServerError | None = None
    rate_limited: RateLimit | None = None
    duplicate_events: int | None = Field(default=None, ge=2, le=20)
    delay_seconds: float | None = Field(default=None, gt=0, le=3_600)
    out_of_order: OutOfOrder | None = None
    lost: Lost | None = None
    refund_pending: Undecided | None = None
    short_for_refunds: bool | None = None
    processing: Undecided | None = None


class Faults:
    """The faults in force now; they end with the process."""

    def __init__(self) -> None:
        self.plan = FaultPlan()

    def merge(self, plan: FaultPlan) -> None:
        """Put the named faults in force and keep the others."""
        named = {name: getattr(plan, name) for name in plan.model_fields_set}
        self.plan = self.plan.model_copy(update=named)

    def clear(self) -> None:
        """End every fault."""
        self.plan = FaultPlan()

    def slow_seconds(self, *, path: str) -> float:
        """Tell how long this request waits."""
        fault = self.plan.slow
        return fault.seconds if fault and self._spend("slow", fault, path=path) else 0.0

    def server_error(self, *, path: str) -> ServerError | None:
        """Give the 5xx that this request meets, if any."""
        fault = self.plan.error_5xx
        return fault if fault and self._spend("error_5xx", fault, path=path) else None

    def rate_limits(self, *, path: str) -> bool:
        """Tell whether this request is one too many."""
        fault = self.plan.rate_limited
        return fault is not None and self._spend("rate_limited", fault, path=path)

    def _spend(self, name: str, fault: _OnRequests, *, path: str) -> bool:
        if not path.startswith(fault.path_prefix):
            return False
        if fault.requests is not None:
            left = fault.requests - 1
            rest = fault.model_copy(update={"requests": left}) if left else None
            self.plan = self.plan.model_copy(update={name: rest})
        return True

    def delivery_state(self, *, event_type: str) -> str:
        """Tell how an event's deliveries start: pending, held or lost."""
        lost, order = self.plan.lost, self.plan.out_of_order
        if lost is not None and (lost.types is None or event_type in lost.types):
            return "lost"
        held = order is not None and order.hold and order.shuffle_seconds is None
        return "held" if held else "pending"

    def delivery_delay_seconds(self) -> float:
        """Tell how long one delivery waits before its first attempt."""
        order = self.plan.out_of_order
        window = order.shuffle_seconds if order and order.shuffle_seconds else 0.0
        return (self.plan.delay_seconds or 0.0) + _dice.uniform(0.0, window)

    def copies(self) -> int:
        """Tell how many times each event is delivered."""
        return self.plan.duplicate_events or 1
