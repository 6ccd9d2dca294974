"""WebSocket messages: bounded, and JSON objects of the protocol's form, before the handler."""

from typing import Any

from starlette.types import Message, Receive, Send

from entrypoints.guard.answers import RequestRefused
from entrypoints.guard.bodies import parse_json, require_graphql_parameters

TRY_AGAIN_LATER = 1013
_NOT_TEXT = 1003
_TOO_BIG = 1009
_BAD_MESSAGE = 4400  # of the graphql-transport-ws protocol


class GuardedSocket:
    """The ASGI `receive` and `send` of one WebSocket, with every incoming message checked.

    A message that is refused closes the connection, and the application sees it end.
    """

    __slots__ = ("_closed", "_max_json_depth", "_max_message_bytes", "_receive", "_send")

    def __init__(
        self, receive: Receive, send: Send, *, max_message_bytes: int, max_json_depth: int
    ) -> None:
        self._receive = receive
        self._send = send
        self._max_message_bytes = max_message_bytes
        self._max_json_depth = max_json_depth
        self._closed = False

    async def receive(self) -> Message:
        """Give the next message that is in order."""
        if self._closed:
            return {"type": "websocket.disconnect", "code": _BAD_MESSAGE}
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        code = self._objection(message)
        if code is None:
            return message
        await self._send({"type": "websocket.close", "code": code, "reason": ""})
        self._closed = True
        return {"type": "websocket.disconnect", "code": code}

    async def send(self, message: Message) -> None:
        """Pass a message on, unless the guard has closed the connection."""
        if not self._closed:
            await self._send(message)

    def _objection(self, message: Message) -> int | None:
        text = message.get("text")
        if not isinstance(text, str):
            return _NOT_TEXT
        # A character is at least a byte, so the cheap comparison comes first.
        if len(text) > self._max_message_bytes:
            return _TOO_BIG
        try:
            encoded = text.encode()
            if len(encoded) > self._max_message_bytes:
                return _TOO_BIG
            _require_protocol_message(parse_json(encoded, max_depth=self._max_json_depth))
        except (RequestRefused, UnicodeEncodeError):
            return _BAD_MESSAGE
        return None


def _require_protocol_message(message: object) -> None:
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise RequestRefused(400, "BAD_MESSAGE", "The message has no type.")
    if not isinstance(message.get("id"), str | None):
        raise RequestRefused(400, "BAD_MESSAGE", "The message's id must be a text.")
    if message["type"] == "subscribe":
        payload: Any = message.get("payload")
        if not isinstance(payload, dict) or "id" not in message:
            raise RequestRefused(400, "BAD_MESSAGE", "The message has no payload or no id.")
        require_graphql_parameters(payload)
