"""One socket's conversation: who asks, what is watched, what has happened."""

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing, suppress
from typing import Any, Final, TypeVar

import orjson
from graphql import GraphQLError, OperationType
from starlette.types import Message, Receive, Send
from strawberry.schema.schema import StreamResult
from strawberry.types.execution import PreExecutionError

from entrypoints.graphql_socket.caller_watch import CallerWatch
from entrypoints.tenancy import bearer_token
from kernel.errors import Forbidden
from kernel.log import get_logger
from schema.compiled_schema import CompiledSchema
from schema.context import Context
from schema.documents import AskedDocument, DocumentLibrary, DocumentRefused
from schema.documents.refusals import needs_http

BAD_REQUEST: Final = 4400
UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
INITIALISATION_TIMEOUT: Final = 4408
ALREADY_EXISTS: Final = 4409
TOO_MANY_INITIALISATIONS: Final = 4429

INIT_SECONDS: Final = 10.0
"""How long a client may take to say who asks."""
MAX_SUBSCRIPTIONS: Final = 20
"""Of one socket at once, with those that are on their way out."""
MAX_REASON_BYTES: Final = 123
"""What a closing frame has room for."""

_log = get_logger(__name__)

T = TypeVar("T")


class Closing(Exception):
    """The client has broken the protocol, or may not come in: the socket is closed with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


class Gone(Exception):
    """The client is there no more."""


class Session:
    """The server's side of one accepted socket."""

    __slots__ = (
        "_acknowledged",
        "_caller",
        "_context",
        "_greeted",
        "_leaving",
        "_library",
        "_patience",
        "_receive",
        "_running",
        "_schema",
        "_send",
    )

    def __init__(
        self,
        context: Context,
        *,
        receive: Receive,
        send: Send,
        schema: CompiledSchema,
        library: DocumentLibrary,
    ) -> None:
        self._context = context
        self._receive = receive
        self._send = send
        self._schema = schema
        self._library = library
        self._greeted = False
        self._acknowledged = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._leaving: list[asyncio.Task[None]] = []
        """Whose ids are free again, and who are not done: they still hold what they watched."""
        self._patience = asyncio.timeout(INIT_SECONDS)
        self._caller = CallerWatch(context, lost=self._lose_patience)

    async def run(self) -> None:
        """Talk until one of the two has gone; what is watched then ends."""
        try:
            async with self._patience:
                self._caller.begin()
                while True:
                    await self._hear(await self._next())
        except Gone:
            pass
        except Closing as closing:
            await self._close(closing.code, closing.reason)
        except TimeoutError:
            if not self._patience.expired():
                raise
            if self._caller.has_lost:
                await self._close(FORBIDDEN, "Forbidden")
            else:
                await self._close(INITIALISATION_TIMEOUT, "Connection initialisation timeout")
        finally:
            await self._end()

    def _lose_patience(self) -> None:
        """End the talk now, wherever it waits."""
        self._patience.reschedule(asyncio.get_running_loop().time())

    async def _next(self) -> dict[str, Any]:
        """Give what the client says; raises `Gone` when it has gone."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        return _parsed(message.get("text"))

    async def _hear(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                self._patience.reschedule(None)
                await self._greet(message.get("payload", {}))
                self._caller.begin()
            case "ping":
                await self._say({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message.get("id"), message.get("payload"))
            case "complete":
                self._stop(message.get("id"))
            case kind:
                raise Closing(BAD_REQUEST, f"Unknown message type: {kind}")

    async def _greet(self, parameters: object) -> None:
        """A browser cannot set headers on a socket: its token comes with connection_init."""
        if not isinstance(parameters, dict):
            raise Closing(BAD_REQUEST, "Invalid connection init payload")
        if self._greeted:
            raise Closing(TOO_MANY_INITIALISATIONS, "Too many initialisation requests")
        self._greeted = True
        given = parameters.get("authorization")
        if isinstance(given, str):
            self._context.token = bearer_token(given)
            self._context.caller = await _allowed(self._caller.current())
        await self._say({"type": "connection_ack"})
        self._acknowledged = True

    async def _subscribe(self, id_: object, payload: object) -> None:
        if not self._acknowledged:
            raise Closing(UNAUTHORIZED, "Unauthorized")
        if not isinstance(id_, str) or not isinstance(payload, dict):
            raise Closing(BAD_REQUEST, "Failed to parse message")
        if id_ in self._running:
            raise Closing(ALREADY_EXISTS, f"Subscriber for {id_} already exists")
        if len(self._running) >= MAX_SUBSCRIPTIONS:
            await self._say(_refusal(id_, [GraphQLError("Subscription limit reached")]))
            return
        try:
            asked = self._asked(payload)
        except DocumentRefused as refused:
            await self._say(_refusal(id_, self._schema.refuse(refused.error).errors or []))
            return
        await self._make_room()
        await _allowed(self._caller.require_unchanged())
        results = await self._schema.stream(
            asked.text,
            variable_values=asked.variables,
            context_value=self._context,
            operation_name=asked.operation_name,
        )
        self._running[id_] = asyncio.create_task(self._watch(id_, results))

    async def _make_room(self) -> None:
        """Wait for those who leave, when with them there are too many: who says `complete` may
        subscribe at once, and hears nothing else meanwhile."""
        while len(self._running) + len(self._leaving) >= MAX_SUBSCRIPTIONS:
            await asyncio.wait(self._leaving, return_when=asyncio.FIRST_COMPLETED)

    def _asked(self, payload: dict[str, Any]) -> AskedDocument:
        """Find the document. One that would be refused is let through: its
        refusal is the schema's to say."""
        asked = self._library.asked(payload)
        operation = self._schema.operation(asked.text, asked.operation_name)
        if operation is not None and operation.kind is not OperationType.SUBSCRIPTION:
            raise needs_http()
        return asked

    async def _watch(self, id_: str, results: StreamResult) -> None:
        """Send each result as it comes, and then that there are no more."""
        try:
            async with aclosing(results):
                async for result in results:
                    if not self._is_ours(id_):
                        return  # a failure on the way out
                    if isinstance(result, PreExecutionError):
                        await self._say_last(id_, _refusal(id_, result.errors or []))
                        return
                    await self._say({"id": id_, "type": "next", "payload": _payload(result)})
                    del result  # it may be long until the next
            await self._say_last(id_, {"id": id_, "type": "complete"})
        except Gone:
            return
        except Exception as error:
            _log.error("socket.subscription_failed", exc_info=error)
            with suppress(Gone):
                await self._say_last(id_, {"id": id_, "type": "complete"})

    async def _say_last(self, id_: str, message: dict[str, Any]) -> None:
        """After its last message a subscription's id is free for another."""
        if self._is_ours(id_):
            self._let_go(id_)
            await self._say(message)

    def _is_ours(self, id_: str) -> bool:
        """Say whether an id is still the running task's: of one that was stopped nothing more is
        said, as its id may be another's already."""
        return self._running.get(id_) is asyncio.current_task()

    async def _say(self, message: dict[str, Any]) -> None:
        await self._pass_on({"type": "websocket.send", "text": orjson.dumps(message).decode()})

    async def _close(self, code: int, reason: str) -> None:
        with suppress(Gone):
            await self._pass_on({"type": "websocket.close", "code": code, "reason": reason})

    async def _pass_on(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # as ASGI says it
            raise Gone from None

    def _stop(self, id_: object) -> None:
        if isinstance(id_, str) and id_ in self._running:
            self._let_go(id_).cancel()

    def _let_go(self, id_: str) -> asyncio.Task[None]:
        """Free an id, and remember its task until it is done."""
        task = self._running.pop(id_)
        self._leaving.append(task)
        task.add_done_callback(self._leaving.remove)
        return task

    async def _end(self) -> None:
        """Stop everything that is still watched, and wait until it has stopped."""
        tasks = [*self._running.values(), *self._leaving, *self._caller.tasks]
        for task in tasks:
            if not task.cancelling():  # a second time would stop it from tidying up
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _allowed(asking: Awaitable[T]) -> T:
    """Close the socket on whoever is refused."""
    try:
        return await asking
    except Forbidden:
        raise Closing(FORBIDDEN, "Forbidden") from None


def _refusal(id_: str, errors: list[GraphQLError]) -> dict[str, Any]:
    payload = [error.formatted for error in errors]
    return {"id": id_, "type": "error", "payload": payload}


def _payload(result: Any) -> dict[str, Any]:
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return payload


def _parsed(text: str | None) -> dict[str, Any]:
    """Raises `Closing` for what is no object of JSON."""
    if text is None:
        raise Closing(BAD_REQUEST, "WebSocket message type must be text")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Closing(BAD_REQUEST, "WebSocket message must be valid JSON") from None
    if not isinstance(message, dict):
        raise Closing(BAD_REQUEST, "Failed to parse message")
    return message
