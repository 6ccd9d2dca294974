"""Requests as bytes, written once and sent often."""

from dataclasses import dataclass
from typing import Final, Self
from uuid import uuid4

import orjson

from entrypoints.bench.load.questions import NEW_KEY, Question

_KEY: Final = NEW_KEY.encode()


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API whose idempotency keys are new each time it is sent."""

    head: bytes
    body: bytes

    @classmethod
    def of(cls, question: Question) -> Self:
        """Write a question's request."""
        body = orjson.dumps(question.body)
        return cls(_head("/graphql", {**question.headers, "content-length": len(body)}), body)

    def bytes(self) -> bytes:
        """Give what to send: the keys are as long as their placeholder."""
        if _KEY not in self.body:
            return self.head + self.body
        return self.head + self.body.replace(_KEY, str(uuid4()).encode())


def approval(intent_id: str, *, channel_key: str) -> bytes:
    """Write the request with which the buyer pays at the stand-in."""
    headers = {"host": "127.0.0.1", "authorization": f"Bearer {channel_key}", "content-length": 0}
    return _head(f"/_sandbox/intents/{intent_id}/approve", headers)


def _head(path: str, headers: dict[str, object]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode()
