"""A repeated request gets its first answer; the same key with other content is refused."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from kernel import db
from kernel.errors import Invalid, Refusal
from kernel.statements import Statement


class IdempotencyConflict(Refusal):
    """The idempotency key was used for a request with other content."""

    code = "IDEMPOTENCY_CONFLICT"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it will be recognised: who asks, the key, and what is asked."""

    tenant_id: UUID
    actor: str
    key: str
    content: dict[str, Any]

    @property
    def hash(self) -> bytes:
        """SHA-256 of the content in one canonical spelling."""
        canonical = orjson.dumps(self.content, option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.sha256(canonical).digest()


def of_form(said: Mapping[UUID, Mapping[str, str]] | None) -> dict[str, Any]:
    """The part of a request's content that says what the goods are asked for; often none."""
    if not said:
        return {}
    return {"form": {str(sku_id): dict(values) for sku_id, values in said.items()}}


GUEST_KEY_MIN_LENGTH = 22


def require_key(key: str, *, guest: bool) -> None:
    """Refuse a key that is empty, too long, or for a guest too easy to guess.

    Whoever repeats a guest's request with its key gets the guest's answer, order token included.
    """
    least = GUEST_KEY_MIN_LENGTH if guest else 1
    if not least <= len(key) <= 128:
        raise Invalid(
            f"An idempotency key has {least} to 128 characters, best a random UUID.",
            field="idempotencyKey",
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """Which result a request has, and whether it is still to be made."""

    result_id: UUID
    first: bool


CLAIM = """
claim as (
    insert into idempotency_records (tenant_id, actor, key, request_hash, result_kind, result_id,
                                     created_at)
    select :tenant_id::uuid, :actor::text, :request_key::text, :request_hash::bytea,
           :result_kind::text, :result_id::uuid, now
    from moment on conflict do nothing returning 1
)
"""
"""The part of a statement that claims the key; it has a row for the first request only."""

_CLAIM_ALONE = Statement.of(
    "moment as materialized (select platform_now() as now)", CLAIM, then="select 1 from claim"
)


def claiming(request: Request, *, kind: str, result_id: UUID) -> dict[str, Any]:
    """The values of `CLAIM`."""
    return {
        "tenant_id": request.tenant_id,
        "actor": request.actor,
        "request_key": request.key,
        "request_hash": request.hash,
        "result_kind": kind,
        "result_id": result_id,
    }


async def claim(request: Request, *, kind: str, result_id: UUID) -> Claim:
    """Claim the key for `result_id`, or say which result it has already made.

    Inside the use case's transaction: a claim that rolls back was never made, and a second
    request that comes while the first is running waits here for its end.
    Raises `IdempotencyConflict` for a key that was used with other content.
    """
    values = claiming(request, kind=kind, result_id=result_id)
    claimed = await db.fetch_value(_CLAIM_ALONE.sql, *_CLAIM_ALONE.values(values))
    if claimed is not None:
        return Claim(result_id, first=True)
    return Claim(await first_result(request, kind=kind), first=False)


async def first_result(request: Request, *, kind: str) -> UUID:
    """What the request has made the first time; its key could not be claimed again.

    Raises `IdempotencyConflict` for a key that was used with other content.
    """
    row = await db.fetch_row(
        """select request_hash, result_kind, result_id from idempotency_records
           where tenant_id = $1 and actor = $2 and key = $3""",
        request.tenant_id,
        request.actor,
        request.key,
    )
    if row is None or row["request_hash"] != request.hash or row["result_kind"] != kind:
        raise IdempotencyConflict(
            "This idempotency key was used for another request.", field="idempotencyKey"
        )
    result_id: UUID = row["result_id"]
    return result_id
