"""Fast refunds: a claim is paid for at once, and decided afterwards."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from kernel.ids import parse_id, public_id
from orders.fast_refunds import accepting, deciding, rows
from orders.fast_refunds.rows import Shown, no_such_claim
from schema.connections import PageInfo
from schema.context import Info
from schema.money import Money, amount
from schema.problems import Problem, Refusals


@strawberry.enum
class FastRefundKind(Enum):
    """MISSING: within the guarantee from the payment. INVALID: from the delivery."""

    MISSING = "MISSING"
    INVALID = "INVALID"


@strawberry.enum
class FastRefundState(Enum):
    """ACCEPTED: the buyer has been paid, and nobody has decided whose loss it is."""

    ACCEPTED = "ACCEPTED"
    UPHELD = "UPHELD"
    REJECTED = "REJECTED"


@strawberry.type(description="A claim for which a buyer was paid out of the supplier's deposit.")
class FastRefund:
    """`silent`: nobody has answered until `decideBy`. `takenBack` came out of the buyer's wallet,
    and `rejectedBefore` counts the buyer's other claims that were wrong."""

    id: strawberry.ID
    order_no: str
    line_id: strawberry.ID
    supplier_id: strawberry.ID
    kind: FastRefundKind
    state: FastRefundState
    amount: Money
    taken_back: Money
    accepted_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    silent: bool
    reason: str
    rejected_before: int


@strawberry.type
class FastRefundEdge:
    """A claim and the cursor that continues after it."""

    cursor: str
    node: FastRefund


@strawberry.type
class FastRefundConnection:
    """A page of claims, the newest first."""

    edges: list[FastRefundEdge]
    page_info: PageInfo


@strawberry.type(description="The claim as it is now.")
class FastRefundChanged:
    """The answer to every change of a claim."""

    fast_refund: FastRefund


FastRefundPayload = Annotated[FastRefundChanged | Problem, strawberry.union("FastRefundPayload")]


@strawberry.input
class FastRefundAcceptInput:
    """All that is left of a line goes back to its buyer at once."""

    order_no: str
    line_id: strawberry.ID
    kind: FastRefundKind
    idempotency_key: strawberry.ID


@strawberry.input
class FastRefundDecideInput:
    """`uphold`: the supplier was wrong; else the key was good, and the buyer pays it back."""

    fast_refund_id: strawberry.ID
    uphold: bool
    reason: str = ""


def _claim_type(shown: Shown) -> FastRefund:
    claim = shown.claim
    return FastRefund(
        id=strawberry.ID(public_id("frf", claim.id)),
        order_no=shown.order_no,
        line_id=strawberry.ID(public_id("lin", claim.line_id)),
        supplier_id=strawberry.ID(public_id("sup", claim.supplier_id)),
        kind=FastRefundKind(claim.kind),
        state=FastRefundState(claim.state),
        amount=amount(claim.amount_minor, claim.currency),
        taken_back=amount(claim.taken_back_minor, claim.currency),
        accepted_at=claim.accepted_at,
        decide_by=claim.decide_by,
        decided_at=claim.decided_at,
        silent=claim.decided_by == deciding.CLOCK,
        reason=claim.reason,
        rejected_before=shown.rejected_before,
    )


async def _changed(claim_id: UUID) -> FastRefundChanged:
    page = await rows.page(state=None, first=1, after=None, only=claim_id)
    if not page.rows:
        raise no_such_claim()
    return FastRefundChanged(fast_refund=_claim_type(page.rows[0]))


@strawberry.type
class FastRefundQuery:
    """What was claimed."""

    @strawberry.field(description="The claims of the shop at this address, the newest first.")
    async def fast_refunds(
        self,
        info: Info,
        state: FastRefundState | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> FastRefundConnection:
        """Read a page of claims."""
        page = await rows.page(
            state=state.value if state else None,
            first=first,
            after=after,
            of=info.context.shop.id,
        )
        edges = [
            FastRefundEdge(cursor=cursor, node=_claim_type(row))
            for row, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return FastRefundConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@strawberry.type
class FastRefundMutation:
    """Paid at once, decided afterwards."""

    @strawberry.mutation(
        description="Pay a buyer at once for a line of an order of the shop at this address.",
        extensions=[Refusals()],
    )
    async def fast_refund_accept(
        self, info: Info, input: FastRefundAcceptInput
    ) -> FastRefundPayload:
        """Pay for keys that are missing or invalid, out of the supplier's deposit."""
        context = info.context
        claim = await accepting.accept(
            shop=context.shop,
            actor=context.actor,
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            kind=input.kind.value,
            idempotency_key=input.idempotency_key,
        )
        return await _changed(claim.id)

    @strawberry.mutation(description="Decide whose loss a claim is, once.", extensions=[Refusals()])
    async def fast_refund_decide(
        self, info: Info, input: FastRefundDecideInput
    ) -> FastRefundPayload:
        """Uphold a claim, or reject it."""
        claim_id = parse_id("frf", input.fast_refund_id, field="fastRefundId")
        await deciding.decide(
            claim_id, uphold=input.uphold, reason=input.reason, actor=info.context.actor
        )
        return await _changed(claim_id)
