"""Redeem vouchers and gift cards: made by whoever gives them away, redeemed into a wallet."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from kernel import clear_codes, db
from kernel.ids import parse_id, public_id
from orders.paying import wallet_balance
from promotions.vouchers import batches, closing, listing, redeeming
from promotions.vouchers.batches import BatchWish
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.inputs import amount_in, moment_in
from schema.money import Money, MoneyInput, amount
from schema.problems import Problem, Refusals


@strawberry.enum
class VoucherFunder(Enum):
    """Who has set the money aside: the SHOP out of what it has earned, its promotion BUDGET, or
    the PLATFORM."""

    SHOP = "SHOP"
    BUDGET = "BUDGET"
    PLATFORM = "PLATFORM"


@strawberry.enum
class VoucherBatchState(Enum):
    """ACTIVE, or BLOCKED for a while; VOIDED by hand or ENDED by itself, with the money of its
    open codes back at its funder."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    VOIDED = "VOIDED"
    ENDED = "ENDED"


@strawberry.type
class VoucherBatch:
    """Codes of the same worth; `owed` is what the open ones are worth together."""

    id: strawberry.ID
    name: str
    funder: VoucherFunder
    value: Money
    count: int
    redeemed: int
    owed: Money
    starts_at: datetime
    ends_at: datetime
    most_per_customer: int | None
    state: VoucherBatchState


@strawberry.type
class VoucherBatchEdge:
    """A batch and the cursor that continues after it."""

    cursor: str
    node: VoucherBatch


@strawberry.type
class VoucherBatchConnection:
    """A page of batches, the newest first."""

    edges: list[VoucherBatchEdge]
    page_info: PageInfo


@strawberry.input
class VoucherBatchCreateInput:
    """1 to 10,000 codes. A shop pays out of what it has earned, or with `fromBudget` out of its
    promotion budget; from an operator it is the platform's money."""

    name: str
    value: MoneyInput
    count: int
    starts_at: datetime
    ends_at: datetime
    idempotency_key: strawberry.ID
    most_per_customer: int | None = None
    from_budget: bool = False


@strawberry.input
class VoucherBatchBlockInput:
    """With `blocked` nobody redeems its codes; without, they are good again."""

    batch_id: strawberry.ID
    blocked: bool


@strawberry.input
class VoucherBatchVoidInput:
    """Its open codes are good no more, for ever."""

    batch_id: strawberry.ID


@strawberry.input
class VoucherRedeemInput:
    """A code as it is printed, in capitals or not, with or without hyphens."""

    code: str


@strawberry.type
class VoucherBatchCreated:
    """The batch, and its codes, one a line: only now. A repeated request gets none."""

    batch: VoucherBatch
    content: str | None


@strawberry.type
class VoucherBatchChanged:
    """The batch after the change."""

    batch: VoucherBatch


@strawberry.type
class VoucherRedeemed:
    """What the code was worth, and what the wallet holds now."""

    amount: Money
    wallet: Money


VoucherBatchCreatePayload = Annotated[
    VoucherBatchCreated | Problem, strawberry.union("VoucherBatchCreatePayload")
]
VoucherBatchPayload = Annotated[
    VoucherBatchChanged | Problem, strawberry.union("VoucherBatchPayload")
]
VoucherRedeemPayload = Annotated[
    VoucherRedeemed | Problem, strawberry.union("VoucherRedeemPayload")
]


@strawberry.type
class VoucherQuery:
    """The shop's vouchers."""

    @strawberry.field(description="The batches of vouchers for this shop, the newest first.")
    async def voucher_batches(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> VoucherBatchConnection:
        """Read a page of batches."""
        page = await listing.batches_page(info.context.shop, first=first, after=after)
        edges = [
            VoucherBatchEdge(cursor=cursor, node=_batch(row))
            for row, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return VoucherBatchConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@strawberry.type
class VoucherMutation:
    """Giving money away by codes, and taking it."""

    @strawberry.mutation(
        description="Make a batch of codes, with its money set aside.", extensions=[Refusals()]
    )
    async def voucher_batch_create(
        self, info: Info, input: VoucherBatchCreateInput
    ) -> VoucherBatchCreatePayload:
        """Make a batch."""
        context = info.context
        batch, codes = await batches.create_batch(
            shop=context.shop, wish=_wish(input, context), actor=context.actor
        )
        content = "\n".join(clear_codes.in_groups(code) for code in codes)
        return VoucherBatchCreated(
            batch=await _batch_now(context, batch.id), content=content or None
        )

    @strawberry.mutation(
        description="Stop the redemption of a batch, or let it go on.", extensions=[Refusals()]
    )
    async def voucher_batch_block(
        self, info: Info, input: VoucherBatchBlockInput
    ) -> VoucherBatchPayload:
        """Stop a batch for a while."""
        context = info.context
        batch_id = parse_id("vob", input.batch_id, field="batchId")
        await closing.block_batch(
            shop=context.shop,
            batch_id=batch_id,
            blocked=input.blocked,
            by_platform=context.is_operator,
        )
        return VoucherBatchChanged(batch=await _batch_now(context, batch_id))

    @strawberry.mutation(
        description="End a batch now: the money of its open codes goes back to its funder.",
        extensions=[Refusals()],
    )
    async def voucher_batch_void(
        self, info: Info, input: VoucherBatchVoidInput
    ) -> VoucherBatchPayload:
        """End a batch."""
        context = info.context
        batch_id = parse_id("vob", input.batch_id, field="batchId")
        await closing.void_batch(
            shop=context.shop, batch_id=batch_id, by_platform=context.is_operator
        )
        return VoucherBatchChanged(batch=await _batch_now(context, batch_id))

    @strawberry.mutation(
        description="Put a voucher's worth into the wallet. The same code again is done already.",
        extensions=[Refusals()],
    )
    async def voucher_redeem(self, info: Info, input: VoucherRedeemInput) -> VoucherRedeemPayload:
        """Redeem a code."""
        context = info.context
        assert context.customer_id is not None
        redeemed = await redeeming.redeem(
            shop=context.shop, customer_id=context.customer_id, code=input.code, ip=context.ip
        )
        async with db.transaction(context.core(), read_only=True):
            held_minor = await wallet_balance(context.shop, context.customer_id)
        return VoucherRedeemed(
            amount=amount(redeemed.amount_minor, redeemed.currency),
            wallet=amount(held_minor, context.shop.currency),
        )


def _wish(input: VoucherBatchCreateInput, context: Context) -> BatchWish:
    own = VoucherFunder.BUDGET if input.from_budget else VoucherFunder.SHOP
    funder = VoucherFunder.PLATFORM if context.is_operator else own
    return BatchWish(
        name=input.name,
        funder=funder.value,
        value_minor=amount_in(input.value, context, field="value"),
        count=input.count,
        starts_at=moment_in(input.starts_at, field="startsAt"),
        ends_at=moment_in(input.ends_at, field="endsAt"),
        most_per_customer=input.most_per_customer,
        idempotency_key=input.idempotency_key,
    )


async def _batch_now(context: Context, batch_id: UUID) -> VoucherBatch:
    return _batch(await listing.batch_view(context.shop, batch_id))


def _batch(view: listing.BatchView) -> VoucherBatch:
    batch = view.batch
    return VoucherBatch(
        id=strawberry.ID(public_id("vob", batch.id)),
        name=batch.name,
        funder=VoucherFunder(batch.funder),
        value=amount(batch.value_minor, batch.currency),
        count=batch.count,
        redeemed=view.redeemed,
        owed=amount(view.owed_minor, batch.currency),
        starts_at=batch.starts_at,
        ends_at=batch.ends_at,
        most_per_customer=batch.most_per_customer,
        state=VoucherBatchState(batch.state),
    )
