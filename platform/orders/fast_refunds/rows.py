"""The rows of fast refunds: each is accepted once, and decided once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from kernel import cursors, db
from kernel.errors import NotFound
from orders import clawback
from orders.records import Funding

Kind = Literal["MISSING", "INVALID"]
State = Literal["ACCEPTED", "UPHELD", "REJECTED"]
_ABOUT: Final = "fast refunds"
_REASON: Final = "operators see the claims of all shops"
_COLUMNS: Final = """claim.tenant_id, claim.id, claim.order_id, claim.line_id, claim.supplier_id,
       claim.customer_id, claim.kind, claim.currency, claim.amount_minor, claim.state,
       claim.refund_id, claim.accepted_at, claim.decide_by, claim.decided_by, claim.decided_at,
       claim.reason, claim.taken_back_minor"""


@dataclass(frozen=True, slots=True)
class FastRefund:
    """A claim that was paid for at once; amounts in minor units. Nobody but the clock has decided
    where the supplier was silent."""

    tenant_id: UUID
    id: UUID
    order_id: UUID
    line_id: UUID
    supplier_id: UUID
    customer_id: UUID | None
    kind: Kind
    currency: str
    amount_minor: int
    state: State
    refund_id: UUID
    accepted_at: datetime
    decide_by: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    taken_back_minor: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A claim with what an operator looks at: whose order, and how often the buyer was wrong."""

    claim: FastRefund
    order_no: str
    rejected_before: int


@dataclass(frozen=True, slots=True)
class ClaimPage:
    """A page of claims, the newest first."""

    rows: tuple[Shown, ...]
    cursors: tuple[str, ...]
    has_next: bool


def _of(row: Mapping[str, Any]) -> FastRefund:
    return FastRefund(**row)


async def find(claim_id: UUID) -> FastRefund:
    """A claim of any shop, without a lock, in a round trip of its own. Raises `NotFound`."""
    rows = await db.read(
        db.every_tenant(reason=_REASON),
        f"select {_COLUMNS} from fast_refunds claim where id = $1",
        claim_id,
    )
    if not rows:
        raise no_such_claim()
    return _of(rows[0])


async def locked(claim: FastRefund) -> FastRefund:
    """The claim as it is now, locked; its order is locked already."""
    row = await db.fetch_row(
        f"""select {_COLUMNS} from fast_refunds claim where tenant_id = $1 and id = $2
            for no key update""",
        claim.tenant_id,
        claim.id,
    )
    assert row is not None
    return _of(row)


async def by_line(line_id: UUID) -> FastRefund | None:
    """The claim about a line, behind the fence of its tenant."""
    row = await db.fetch_row(
        f"select {_COLUMNS} from fast_refunds claim where line_id = $1", line_id
    )
    return _of(row) if row is not None else None


async def end(
    claim: FastRefund,
    state: State,
    *,
    posting_id: UUID,
    actor: str,
    reason: str,
    taken_back_minor: int = 0,
) -> None:
    """Write the decision about a locked claim that is open."""
    changed = await db.execute(
        """update fast_refunds set state = $3, decided_posting = $4, decided_by = $5, reason = $6,
                  taken_back_minor = $7, decided_at = platform_now()
           where tenant_id = $1 and id = $2 and state = 'ACCEPTED'""",
        claim.tenant_id,
        claim.id,
        state,
        posting_id,
        actor,
        reason,
        taken_back_minor,
    )
    assert changed == 1


_REVERSE = """
with the_shares as (
    update line_shares set reversed_minor = reversed_minor + part.minor
    from unnest($2::uuid[], $3::bigint[]) as part (id, minor)
    where line_shares.order_id = $1 and line_shares.id = part.id
), the_covers as (
    update key_replacements set cover_returned_minor = cover_returned_minor + part.minor
    from unnest($4::uuid[], $5::bigint[]) as part (id, minor)
    where key_replacements.order_id = $1 and key_replacements.id = part.id
)
update discount_lines set returned_minor = returned_minor + part.minor
from unnest($4::uuid[], $5::bigint[]) as part (id, minor)
where discount_lines.order_id = $1 and discount_lines.id = part.id
"""


async def reverse_shares(
    order_id: UUID, taken: clawback.Reversal, to_funders: Sequence[tuple[Funding, int]]
) -> None:
    """Note what of its shares and discounts a refund has taken that was paid before."""
    await db.execute(
        _REVERSE,
        order_id,
        [share_id for share_id, _ in taken.by_share],
        [part for _, part in taken.by_share],
        [one.id for one, _ in to_funders],
        [part_minor for _, part_minor in to_funders],
    )


async def due(at_most: int) -> list[FastRefund]:
    """Claims about which nobody has said anything in time."""
    rows = await db.read(
        db.every_tenant(reason="claims that nobody has answered"),
        f"""select {_COLUMNS} from fast_refunds claim
            where state = 'ACCEPTED' and decide_by <= platform_now() order by decide_by limit $1""",
        at_most,
    )
    return [_of(row) for row in rows]


_PAGE: Final = f"""
select {_COLUMNS}, orders.no as order_no,
       (select count(*)::int from fast_refunds wrong
        where wrong.tenant_id = claim.tenant_id and wrong.customer_id = claim.customer_id
          and wrong.state = 'REJECTED' and wrong.id <> claim.id) as rejected_before
from fast_refunds claim
join orders on orders.id = claim.order_id and orders.tenant_id = claim.tenant_id
where ($1::text is null or claim.state = $1) and ($2::uuid is null or claim.id < $2)
  and ($3::uuid is null or claim.id = $3) and ($5::uuid is null or claim.tenant_id = $5)
order by claim.id desc limit $4
"""


async def page(
    *,
    state: str | None,
    first: int | None,
    after: str | None,
    only: UUID | None = None,
    of: UUID | None = None,
) -> ClaimPage:
    """A page of the claims of a shop (`of`), or of all of them; or one claim alone."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=of, about=_ABOUT)
    found = await db.read(
        db.every_tenant(reason=_REASON),
        _PAGE,
        state,
        UUID(place[0]) if place else None,
        only,
        size + 1,
        of,
    )
    shown = []
    for row in found[:size]:
        values = dict(row)
        order_no, rejected = values.pop("order_no"), values.pop("rejected_before")
        shown.append(Shown(_of(values), order_no, rejected))
    marks = [cursors.write([str(one.claim.id)], tenant_id=of, about=_ABOUT) for one in shown]
    return ClaimPage(tuple(shown), tuple(marks), has_next=len(found) > size)


def no_such_claim() -> NotFound:
    """The refusal for a claim that is nobody's."""
    return NotFound("There is no such claim.", field="fastRefundId")
