"""The log: one JSON object a line, and no secret in any of them.

Everything goes through one handler: our own events (structlog) and the libraries' (stdlib
logging). A secret can get into a log in three ways, and each has its own stop here: under a name
that says so (`password=`), as text that looks like one (a bearer token, a key, a card), or inside
an exception's message. Messages of exceptions are therefore never written, only the class and the
places it passed through: a database driver quotes the row that offended it.
"""

import json
import logging
import random
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import TracebackType
from typing import Any, TextIO
from uuid import UUID

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from kernel.clock import utc_now

REDACTED = "[redacted]"

# Loggers that write what they were given: the query's text, the URL with its query string.
_SILENCED = ("strawberry.execution", "uvicorn.access")
# Below WARNING these write SQL parameters, request bodies and full URLs.
_WARNINGS_ONLY = ("tortoise", "stripe", "httpx", "httpcore", "asyncio", "hpack", "fontTools")

_MAX_TEXT_CHARS = 2_000
_MAX_NESTING = 6
_MAX_ITEMS = 100
_MAX_FRAMES = 12

_random = random.Random()  # noqa: S311 - an id of a log line opens nothing
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def configure_logging(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log line of the process, redacted, to `stream` (stdout).

    It may be called again; the last call counts. Loggers that a library has already fitted with
    handlers of its own (servers do) lose them, so that nothing goes around the redaction.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _adopt_library_loggers()
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module; events are named, values are keywords."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def new_request_id() -> str:
    """Make an id that ties an answer to its log lines: 16 hexadecimal digits."""
    return f"{_random.getrandbits(64):016x}"


def current_request_id() -> str:
    """Give the id of the request being served, or "" outside of one."""
    return _request_id.get()


@contextmanager
def request_scope(request_id: str) -> Iterator[str]:
    """Write `request_id` on every log line inside the `with` block."""
    token = _request_id.set(request_id)
    try:
        yield request_id
    finally:
        _request_id.reset(token)


def error_class(error: BaseException) -> str:
    """Name an exception's class with its module, and nothing it says."""
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def error_frames(error: BaseException) -> list[str]:
    """List where an exception passed, outermost first: `file:line function`.

    Neither source lines nor local values are in it, for both can hold literals.
    """
    frames = traceback.extract_tb(error.__traceback__, limit=-_MAX_FRAMES)
    return [f"{_short_path(f.filename)}:{f.lineno} {f.name}" for f in frames]


def redact(value: object, *, name: str = "", nesting: int = 0) -> object:
    """Copy a value as plain JSON with whatever looks like a secret masked.

    `name` is the key it stands under. Objects that JSON does not know become their class's name,
    because their `repr` may show anything.
    """
    if value is None or isinstance(value, bool):
        return value
    if _is_sensitive(name):
        return REDACTED
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < (1 << 63) else str(value)
    if isinstance(value, str):
        return value[:_MAX_TEXT_CHARS] if _is_identifier(name) else redact_text(value)
    if nesting >= _MAX_NESTING:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        items = list(value.items())[:_MAX_ITEMS]
        return {str(k): redact(v, name=str(k), nesting=nesting + 1) for k, v in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(v, name=name, nesting=nesting + 1) for v in list(value)[:_MAX_ITEMS]]
    return _redact_object(value)


def redact_text(text: str) -> str:
    """Mask what looks like a secret in a text, and cut it at 2,000 letters."""
    return _SECRET_TEXT.sub(_mask_unless_public_id, text[:_MAX_TEXT_CHARS])


# --- what a secret looks like -------------------------------------------------------------------

_SENSITIVE_PARTS = (
    "secret", "password", "passwd", "passphrase", "token", "apikey", "authorization", "cookie",
    "credential", "email", "phone", "signature", "ciphertext", "plaintext",
)  # fmt: skip
_SENSITIVE_WORDS = frozenset(
    {"key", "keys", "code", "codes", "card", "cards", "otp", "pin", "cvv", "cvc", "iban", "mail"}
)
# `key_count` and `token_id` tell nothing; `exit_code` and `currency_code` are not codes to sign in.
_HARMLESS_ENDINGS = frozenset({"id", "ids", "count", "seconds", "bytes", "kind", "version"})
_HARMLESS_NAMES = frozenset(
    {"error_code", "exit_code", "status_code", "currency_code", "close_code"}
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
# Each repetition is bounded, so that a hostile text costs linear time.
_SECRET_TEXT = re.compile(
    r"""
      (?i:\b(?:bearer|basic)\s+[a-z0-9._~+/=-]{6,})            # an Authorization header's value
    | \b(?:sk|rk|pk|whsec|ghp|xoxb|xoxp)_[A-Za-z0-9_]{8,}      # keys of providers
    | \beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?                      # a JSON web token
    | (?<=://)[^/\s:@]{0,64}:[^/\s@]{1,128}(?=@)               # user and password in a URL
    | [\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+              # an address of mail
    | \b[A-Z0-9]{4,12}(?:-[A-Z0-9]{4,12}){2,}\b                # a digital key in groups
    | \b(?=[A-Za-z-]{0,64}\d)[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{4,12}){2,}\b
    | \b(?=[A-Za-z_+-]{0,64}\d)[A-Za-z0-9_+-]{24,}={0,2}       # anything long and opaque
    | (?<![\w.])\+?\d(?:[ -]?\d){8,18}(?![\w.])                # a telephone or card number
    """,
    re.VERBOSE,
)
_PUBLIC_ID = re.compile(r"[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}")


def _is_sensitive(name: str) -> bool:
    if not name or name in _HARMLESS_NAMES:
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDINGS:
        return False
    lowered = "".join(words)
    return any(part in lowered for part in _SENSITIVE_PARTS) or not _SENSITIVE_WORDS.isdisjoint(
        words
    )


def _is_identifier(name: str) -> bool:
    """Ids are random text like keys are, but they open nothing and tie the lines together."""
    return name == "id" or name.endswith(("_id", "_ids"))


def _mask_unless_public_id(match: re.Match[str]) -> str:
    text = match.group()
    return text if _PUBLIC_ID.fullmatch(text) else REDACTED


def _redact_object(value: object) -> object:
    if isinstance(value, BaseException):
        return error_class(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, UUID | Decimal | datetime | date | time | PurePath):
        return str(value)
    return f"<{type(value).__name__}>"


# --- from an event to a line --------------------------------------------------------------------


def _formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
        ],
        processors=[
            _keep_first_line_of_library_errors,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _describe_exception,
            _redact_event,
            _stamp,
            _render,
        ],
    )


def _keep_first_line_of_library_errors(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A library that logs an exception often puts its `repr` on the lines that follow."""
    if not event["_from_structlog"]:
        event["event"] = str(event["event"]).strip().partition("\n")[0]
    return event


def _describe_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event.pop("stack_info", None)
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error_class"] = error_class(error)
        event["frames"] = error_frames(error)
    return event


def _redact_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: redact(value, name=name) for name, value in event.items()}


def _stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    head: dict[str, Any] = {"time": utc_now().isoformat(timespec="milliseconds")}
    if request_id := _request_id.get():
        head["request_id"] = request_id
    return head | dict(event)


def _render(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event).decode()
    except orjson.JSONEncodeError:
        return json.dumps(event)  # a lone surrogate, in a file's name perhaps: this one escapes it


def _adopt_library_loggers() -> None:
    for name, logger in list(logging.Logger.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name not in _SILENCED:
            logger.handlers.clear()
            logger.propagate = True
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SILENCED:
        logging.getLogger(name).disabled = True


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger("kernel.log").critical("process.uncaught_error", exc_info=error)


def _short_path(filename: str) -> str:
    return "/".join(PurePath(filename).parts[-2:])
