"""Stripe's error answers: status, type, code, param, and whether a retry may replay them."""

from typing import Any

from sandbox.stripe.wire import Json, public


class ApiError(Exception):
    """A refusal as Stripe words it.

    `endpoint_started` tells whether the idempotency key remembers this answer: Stripe saves
    no result when the parameters were wrong or another request held the key.
    """

    status_code = 400
    error_type = "invalid_request_error"
    endpoint_started = False

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.more = more

    def body(self) -> Json:
        """Give the JSON that goes over the wire."""
        error: Json = {"message": self.message, "type": self.error_type, **self.more}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


class BadParameter(ApiError):
    """A parameter is unknown, missing, or not of its kind."""


class RefusedByState(ApiError):
    """The parameters are well formed, but the object does not allow what they ask."""

    endpoint_started = True


class UnexpectedState(RefusedByState):
    """The payment intent is not in a status that allows the step."""

    def __init__(self, *, intent: Json, verb: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"You cannot {verb} this PaymentIntent because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses "
            f"may be used: {', '.join(allowed)}.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )


class NoSuchObject(ApiError):
    """The id names nothing of that kind."""

    status_code = 404

    def __init__(self, *, kind: str, object_id: str, param: str) -> None:
        super().__init__(f"No such {kind}: '{object_id}'", code="resource_missing", param=param)


class Unauthorized(ApiError):
    """No key, or not this account's key."""

    status_code = 401


class Forbidden(ApiError):
    """The key does not reach the account that the request names."""

    status_code = 403


class CardDeclined(ApiError):
    """The attempt was made and failed: what it wrote stays written."""

    status_code = 402
    error_type = "card_error"
    endpoint_started = True


class IdempotencyMismatch(ApiError):
    """The key was used before with other parameters."""

    error_type = "idempotency_error"


class KeyInUse(ApiError):
    """Another request with the same idempotency key is still under way."""

    status_code = 409
    error_type = "idempotency_error"


class RateLimited(ApiError):
    """Too many requests."""

    status_code = 429


class ProviderDown(ApiError):
    """Something on the provider's side broke."""

    error_type = "api_error"

    def __init__(self, *, status_code: int) -> None:
        super().__init__("An unknown error occurred")
        self.status_code = status_code
