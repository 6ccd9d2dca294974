"""What the log says, and above all what it does not."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import structlog

from kernel import log

CANARY = "canaryzzz"


class Lines:
    """What has been written to the log so far."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def last(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return parsed


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level, hook = list(root.handlers), root.level, sys.excepthook
    stream = io.StringIO()
    log.configure_logging(stream=stream)
    yield Lines(stream)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_an_event_is_one_json_line_with_its_time_level_and_place(lines: Lines) -> None:
    log.get_logger("orders.checkout").info("order.placed", order_id="ord_1", amount_minor=1050)
    line = lines.last()
    assert line["event"] == "order.placed"
    assert line["level"] == "info"
    assert line["logger"] == "orders.checkout"
    assert line["amount_minor"] == 1050
    assert line["time"].endswith("+00:00")
    assert lines.text.count("\n") == 1


def test_lines_of_one_request_carry_its_id_and_others_do_not(lines: Lines) -> None:
    logger = log.get_logger("x")
    with log.request_scope(log.new_request_id()) as request_id:
        logger.info("inside")
        assert lines.last()["request_id"] == request_id
        logging.getLogger("some.library").warning("inside too")
        assert lines.last()["request_id"] == request_id
    logger.info("outside")
    assert "request_id" not in lines.last()
    assert log.current_request_id() == ""


async def test_request_ids_do_not_mix_between_concurrent_requests(lines: Lines) -> None:
    async def serve(request_id: str) -> None:
        with log.request_scope(request_id):
            await asyncio.sleep(0)
            log.get_logger("x").info("served", expected=request_id)

    await asyncio.gather(*(serve(f"r{n}") for n in range(20)))
    served = [json.loads(line) for line in lines.text.splitlines()]
    assert len(served) == 20
    assert all(line["request_id"] == line["expected"] for line in served)


@pytest.mark.parametrize(
    "name",
    [
        "secret", "key", "token", "password", "authorization", "code", "phone", "email", "card",
        "api_key", "apiKey", "accessToken", "stripe_webhook_secret", "otp_code", "customerEmail",
        "Set-Cookie", "card_number", "keys", "APIKey", "phone_number", "X-Api-Key",
    ],
)  # fmt: skip
def test_a_value_under_a_sensitive_name_is_masked_whatever_its_type(
    lines: Lines, name: str
) -> None:
    for value in (CANARY, [CANARY], {"inner": CANARY}, CANARY.encode()):
        log.get_logger("x").info("event", **{name: value})
        assert lines.last()[name] == log.REDACTED
        log.get_logger("x").info("event", nested={"deep": [{name: value}]})
        assert lines.last()["nested"]["deep"][0][name] == log.REDACTED
    log.get_logger("x").info("event", **{name: 123456})
    assert "123456" not in lines.text
    assert CANARY not in lines.text


@pytest.mark.parametrize(
    "name", ["key_count", "token_id", "status_code", "error_code", "currency_code", "monkey_name"]
)
def test_a_harmless_name_that_resembles_a_sensitive_one_is_kept(lines: Lines, name: str) -> None:
    log.get_logger("x").info("event", **{name: "USD"})
    assert lines.last()[name] == "USD"


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abcdef123456", "basic dXNlcjpwYXNz", "sk_live_abcDEF123456", "whsec_abcdef123456",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_123", "ABCD-EFGH-IJKL-MNOP",
        "A1B2C-3D4E5-F6G7H", "a1b2c3d4-e5f6-4711-8899-aabbccddeeff", "buyer+x@example.com",
        "4242 4242 4242 4242", "4242424242424242", "+8613812345678", "138 1234 5678",
        "q8Zr4TtYp1Lw9Xc2Vb7Nm3Ka", "dGhpcyBpcyBhIGxvbmcgc2VjcmV0IDEyMzQ1Ng==",
    ],
)  # fmt: skip
def test_text_that_looks_like_a_secret_is_masked_anywhere(lines: Lines, secret: str) -> None:
    log.get_logger("x").info(f"got {secret}", note=f"it was {secret}, he said", many=[secret])
    logging.getLogger("some.library").warning("value %s refused", secret)
    assert secret not in lines.text
    assert secret.split()[-1] not in lines.text
    assert lines.text.count(log.REDACTED) >= 4


def test_the_password_in_a_url_is_masked_and_the_host_is_kept(lines: Lines) -> None:
    log.get_logger("x").info("connecting", url="postgresql://shop:hunter2@db.internal:5432/kameng")
    assert "hunter2" not in lines.text
    assert "db.internal:5432" in lines.last()["url"]


def test_ids_and_ordinary_text_are_left_alone(lines: Lines) -> None:
    order_id, public = uuid4(), f"ord_{'01j9z' + 'a' * 21}"
    log.get_logger("x").info(
        "order.expired", order_id=order_id, session_ids=[str(order_id)], about=f"order {public}",
        path="/usr/lib/python3/dist-packages/x.py", price=Decimal("76.00"), ratio=0.5, done=True,
    )  # fmt: skip
    line = lines.last()
    assert line["order_id"] == str(order_id)
    assert line["session_ids"] == [str(order_id)]
    assert line["about"] == f"order {public}"
    assert line["path"] == "/usr/lib/python3/dist-packages/x.py"
    assert (line["price"], line["ratio"], line["done"]) == ("76.00", 0.5, True)


def test_objects_become_the_name_of_their_class(lines: Lines) -> None:
    class Customer:
        def __repr__(self) -> str:
            return CANARY

    log.get_logger("x").info("event", customer=Customer(), error=ValueError(CANARY), raw=b"\x00")
    line = lines.last()
    assert line["customer"] == "<Customer>"
    assert line["error"] == "ValueError"
    assert line["raw"] == "<bytes>"
    assert CANARY not in lines.text


def test_an_exception_is_logged_by_class_and_place_and_never_by_what_it_says(lines: Lines) -> None:
    def offending() -> None:
        raise ValueError(CANARY)

    try:
        offending()
    except ValueError:
        log.get_logger("x").exception("event.failed")
        logging.getLogger("some.library").exception("library failed\ndetails: %s", CANARY)
    ours, theirs = (json.loads(line) for line in lines.text.splitlines())
    for line in (ours, theirs):
        assert line["error_class"] == "ValueError"
        assert line["frames"][-1].endswith(" offending")
        assert line["frames"][-1].startswith("kernel/test_log.py:")
    assert theirs["event"] == "library failed"
    assert CANARY not in lines.text


async def test_an_exception_that_nobody_awaited_is_logged_without_its_text(lines: Lines) -> None:
    async def fail() -> None:
        raise ValueError(CANARY)

    task = asyncio.ensure_future(fail())
    await asyncio.sleep(0)
    context = {"message": "Task exception was never retrieved", "future": task}
    asyncio.get_running_loop().call_exception_handler({**context, "exception": task.exception()})
    assert lines.last()["event"] == "Task exception was never retrieved"
    assert lines.last()["error_class"] == "ValueError"
    assert CANARY not in lines.text


def test_an_exception_that_ends_the_process_is_logged_without_its_text(lines: Lines) -> None:
    try:
        raise RuntimeError(CANARY)
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    assert lines.last()["event"] == "process.uncaught_error"
    assert lines.last()["error_class"] == "RuntimeError"
    assert CANARY not in lines.text


def test_loggers_that_write_what_clients_sent_are_silent(lines: Lines) -> None:
    for name in ("strawberry.execution", "uvicorn.access"):
        logging.getLogger(name).critical(CANARY)
    for name in ("tortoise.db_client", "stripe", "httpx"):
        logging.getLogger(name).info(CANARY)
    assert lines.text == ""
    logging.getLogger("tortoise.db_client").warning("slow")
    assert lines.last()["logger"] == "tortoise.db_client"


def test_a_library_that_brought_its_own_handler_goes_through_the_redaction() -> None:
    around = io.StringIO()
    library = logging.getLogger("library.with.handler")
    library.addHandler(logging.StreamHandler(around))
    library.propagate = False
    root = logging.getLogger()
    handlers, hook = list(root.handlers), sys.excepthook
    ours = io.StringIO()
    try:
        log.configure_logging(stream=ours)
        library.error("token is sk_live_abcdef123456")
    finally:
        root.handlers[:] = handlers
        sys.excepthook = hook
        logging.captureWarnings(False)
        structlog.reset_defaults()
    assert around.getvalue() == ""
    assert json.loads(ours.getvalue())["event"] == f"token is {log.REDACTED}"


def test_hostile_values_neither_break_a_line_nor_take_long(lines: Lines) -> None:
    loop: list[Any] = []
    loop.append(loop)
    log.get_logger("x").info(
        "event", surrogate="\ud800", newline="a\nb", huge=10**40, loop=loop, long="1-" * 100_000,
        mail="a." * 50_000 + "@", many=list(range(10_000)),
    )  # fmt: skip
    assert lines.text.count("\n") == 1
    assert len(lines.text) < 20_000
    assert lines.last()["event"] == "event"
