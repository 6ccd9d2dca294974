"""Answering the bank: the evidence is written down first, and handed in once, afterwards.

What the channel was told is the row, so a question whose answer was lost is asked again exactly,
with the row's id as idempotency key.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from billing.payment_methods.dispute_channels import DISPUTE_CHANNELS
from kernel import db, tries
from kernel.errors import Invalid, NotFound, Refusal
from kernel.faults import crash_point
from kernel.ids import new_id, public_id
from kernel.log import get_logger
from kernel.outbox import EventType, tell
from orders.disputes.evidence import evidence_of
from orders.disputes.words import MAX_STATEMENT_LETTERS, words_of

log = get_logger(__name__)
#: Seconds to the next try after the n-th.
RETRY_AFTER_SECONDS: Final = (5.0, 60.0, 300.0, 900.0, 3_600.0)
SENT_AT_ONCE: Final = 20
REMINDED_AT_ONCE: Final = 20
REMIND_BEFORE_SECONDS: Final = 48 * 3_600.0
ANSWERABLE: Final = ("INQUIRY", "NEEDS_RESPONSE")


class DisputeAnswered(Refusal):
    """The bank has its answer, or hears none any more."""

    code = "WRONG_STATE"


async def submit_evidence(
    *, case_id: UUID, within: UUID | None, statement: str, actor: str
) -> UUID:
    """Write down what the bank is told; the worker hands it in. Returns the answer's id.

    An operator's, over the cases of one tenant or (None) of all. Raises `NotFound`, `Invalid`, and
    `DisputeAnswered` where there is an answer already, or nobody waits for one.
    """
    plain = all(letter.isprintable() or letter == "\n" for letter in statement)
    if len(statement) > MAX_STATEMENT_LETTERS or not plain:
        message = f"A statement has at most {MAX_STATEMENT_LETTERS} plain letters."
        raise Invalid(message, field="statement")
    tenant_id = await tenant_of(case_id, within=within)
    answer_id = new_id()
    try:
        async with db.transaction(db.core_scope(tenant_id)):
            await _require_answerable(case_id)
            evidence = await evidence_of(case_id)
            assert evidence is not None
            words = orjson.dumps(words_of(evidence, statement=statement.strip())).decode()
            await db.execute(
                """insert into dispute_answers (tenant_id, id, dispute_id, words, actor)
                   values ($1, $2, $3, $4, $5)""",
                tenant_id,
                answer_id,
                case_id,
                words,
                actor,
            )
    except asyncpg.UniqueViolationError as twice:
        if twice.constraint_name != "dispute_answers_once":
            raise
        raise _answered() from None
    crash_point("dispute.answered")
    return answer_id


async def tenant_of(case_id: UUID, *, within: UUID | None) -> UUID:
    """Whose case it is, of one tenant's or (None) of all; `NotFound` where there is none. For
    operators."""
    rows = await db.read(
        db.every_tenant(reason="an operator looks at a dispute"),
        "select tenant_id from disputes where id = $1 and ($2::uuid is null or tenant_id = $2)",
        case_id,
        within,
    )
    if not rows:
        raise NotFound("There is no such dispute.", field="disputeId")
    found: UUID = rows[0]["tenant_id"]
    return found


async def _require_answerable(case_id: UUID) -> None:
    is_answerable: bool = await db.fetch_value(
        """select state::text = any ($2) and coalesce(due_at > platform_now(), true)
           from disputes where id = $1 for no key update""",
        case_id,
        list(ANSWERABLE),
    )
    if not is_answerable:
        raise _answered()


def _answered() -> DisputeAnswered:
    return DisputeAnswered(
        "This dispute has its answer, or waits for none any more.", field="disputeId"
    )


@dataclass(frozen=True, slots=True)
class DueAnswer:
    """An answer that is to be handed in."""

    id: UUID
    tenant_id: UUID
    words: str
    provider: str
    provider_ref: str


_CLAIM: Final = f"""{tries.claim("dispute_answers")}
select c.id, c.tenant_id, c.words, kase.provider, kase.provider_ref
from claimed c join disputes kase on kase.id = c.dispute_id
"""


async def send_answers() -> int:
    """Hand in every answer whose time has come; returns how many were tried."""
    async with db.transaction(db.every_tenant(reason="hand in evidence")):
        rows = await db.fetch(_CLAIM, SENT_AT_ONCE, list(RETRY_AFTER_SECONDS))
    for row in rows:
        try:
            await _send(DueAnswer(**row))
        except Exception as error:  # one bad row must not stop the others
            log.error("evidence_not_sent", answer=str(row["id"]), exc_info=error)
    return len(rows)


async def _send(answer: DueAnswer) -> None:
    channel = DISPUTE_CHANNELS[answer.provider]
    try:
        await channel.answer(
            provider_ref=answer.provider_ref,
            words=orjson.loads(answer.words),
            idempotency_key=str(answer.id),
        )
        state = "SENT"
    except ChannelUnavailable:
        return
    except ChannelRefused as refused:
        # The channel forgets idempotency keys after a day: what it has already, it refuses.
        now = await channel.look(answer.provider_ref)
        state = "REFUSED" if now.state in ANSWERABLE else "SENT"
        log.warning("evidence_refused", answer=str(answer.id), reason=str(refused), state=state)
    crash_point("dispute.answer_sent")
    async with db.transaction(db.core_scope(answer.tenant_id)):
        await db.execute(
            """update dispute_answers
               set state = $2, next_attempt_at = null, ended_at = platform_now()
               where id = $1 and state = 'DUE'""",
            answer.id,
            state,
        )


_REMIND = """
update disputes kase set reminded_at = platform_now()
where kase.id in (
    select id from disputes
    where reminded_at is null and due_at <= platform_now() + make_interval(secs => $2)
      and state in ('INQUIRY', 'NEEDS_RESPONSE') and due_at > platform_now()
      and not exists (select from dispute_answers answer
                      where answer.dispute_id = disputes.id and answer.state <> 'REFUSED')
    order by due_at limit $1 for update skip locked)
returning kase.id, kase.due_at,
          (select id from tenants where kind = 'ROOT') as root_id
"""


async def remind() -> int:
    """Remind the platform's people, once, of disputes whose time to answer is nearly over."""
    async with db.transaction(db.every_tenant(reason="remind of disputes")):
        rows = await db.fetch(_REMIND, REMINDED_AT_ONCE, REMIND_BEFORE_SECONDS)
    for row in rows:
        log.warning("dispute_evidence_due", dispute=str(row["id"]), due_at=str(row["due_at"]))
        async with db.transaction(db.core_scope(row["root_id"])):
            await tell(
                EventType.DISPUTE_DUE,
                tenant_id=row["root_id"],
                object_id=row["id"],
                facts={
                    "disputeId": public_id("dsp", row["id"]),
                    "dueAt": row["due_at"].isoformat(),
                },
            )
    return len(rows)
