"""Idempotency keys: the first answer of a key is the answer of every retry."""

from dataclasses import dataclass
from hashlib import sha256

from sandbox.stripe.errors import IdempotencyMismatch
from sandbox.stripe.forms import Pairs
from sandbox.stripe.work import Work


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status and a JSON body; `replay_of` is the request that it was first given to."""

    status_code: int
    body: bytes
    replay_of: str | None = None


def fingerprint(*, method: str, path: str, pairs: Pairs) -> str:
    """Give the same text for the same request, whatever its pairs' order."""
    return sha256(repr((method, path, sorted(pairs))).encode()).hexdigest()


def recall(work: Work, *, fingerprint: str) -> Answer | None:
    """Give the key's first answer, or None.

    Raises IdempotencyMismatch when the key belongs to a different request.
    """
    rows = work.store.rows(
        "SELECT fingerprint, request_id, status_code, body FROM answers WHERE idempotency_key = ?",
        work.idempotency_key,
    )
    if not rows:
        return None
    if rows[0]["fingerprint"] != fingerprint:
        raise IdempotencyMismatch(
            "Keys for idempotent requests can only be used with the same endpoint and the same "
            "parameters they were first used with. Try using a key other than "
            f"'{work.idempotency_key}' if you meant to execute a different request."
        )
    return Answer(
        status_code=rows[0]["status_code"],
        body=rows[0]["body"],
        replay_of=rows[0]["request_id"],
    )


def remember(work: Work, answer: Answer, *, fingerprint: str) -> None:
    """Keep the answer for the retries of this key."""
    work.store.rows(
        "INSERT INTO answers (idempotency_key, fingerprint, request_id, status_code, body)"
        " VALUES (?, ?, ?, ?, ?)",
        work.idempotency_key,
        fingerprint,
        work.request_id,
        answer.status_code,
        answer.body,
    )
