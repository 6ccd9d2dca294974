"""The family of expected failures; anything else is a bug and must crash."""

from collections.abc import Mapping
from typing import ClassVar


class Refusal(Exception):
    """The request was understood and refused for a reason that the caller can act on."""

    code: ClassVar[str] = "VALIDATION"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        details: Mapping[str, int | str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = dict(details or {})


class Invalid(Refusal):
    """An input is outside its bounds; `field` says which."""

    code = "VALIDATION"


class NotFound(Refusal):
    """There is no such thing, or it is somebody else's: the two answers are the same."""

    code = "NOT_FOUND"


class Forbidden(Refusal):
    """The caller may not do this; no write has happened."""

    code = "FORBIDDEN"


class RateLimited(Refusal):
    """Too many attempts; the message says when to try again."""

    code = "RATE_LIMITED"
