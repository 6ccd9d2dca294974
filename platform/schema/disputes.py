"""Disputes: a buyer's bank has taken a payment back, and hears what there is to say."""

from typing import Annotated

import strawberry

from kernel.ids import parse_id, public_id
from orders.disputes import answering, deciding, listing
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.dispute_types import (
    ChargebackLiability,
    ChargebackLiabilityChanged,
    Dispute,
    DisputeChanged,
    DisputeConnection,
    DisputedGoods,
    DisputeEdge,
    dispute_type,
)
from schema.problems import Problem, Refusals
from tenants import liability

DisputePayload = Annotated[DisputeChanged | Problem, strawberry.union("DisputePayload")]
ChargebackLiabilityPayload = Annotated[
    ChargebackLiabilityChanged | Problem, strawberry.union("ChargebackLiabilityPayload")
]


@strawberry.input
class DisputeEvidenceSubmitInput:
    """`statement` are the platform's own words; the records are added to them."""

    dispute_id: strawberry.ID
    statement: str = ""


@strawberry.input
class DisputeDecideInput:
    """Whether the goods were good: it decides who bears the dispute if it is lost."""

    dispute_id: strawberry.ID
    goods: DisputedGoods


@strawberry.input
class ChargebackLiabilitySetInput:
    """For orders that are made from now on."""

    tenant_id: strawberry.ID
    liability: ChargebackLiability
    reason: str = ""


def _within(context: Context) -> listing.Within:
    """An operator at the platform's own address sees every shop's; everybody else one shop's."""
    everywhere = context.is_operator and len(context.shop.path) == 1
    return None if everywhere else context.shop.id


async def _changed(context: Context, case_id: listing.CaseId) -> DisputeChanged:
    view, evidence = await listing.dispute_view(case_id, within=_within(context))
    return DisputeChanged(dispute=dispute_type(view, evidence))


@strawberry.type
class DisputeQuery:
    """What banks have taken back."""

    @strawberry.field(description="The shop's disputes, the newest first; for operators, all.")
    async def disputes(
        self,
        info: Info,
        is_open: bool | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> DisputeConnection:
        """Read a page of disputes."""
        page = await listing.disputes_page(
            tenant_id=_within(info.context), is_open=is_open, first=first, after=after
        )
        edges = [
            DisputeEdge(cursor=cursor, node=dispute_type(view))
            for view, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = edges[-1].cursor if edges else None
        return DisputeConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )

    @strawberry.field(description="One dispute, with what can be proved about it.")
    async def dispute(self, info: Info, id: strawberry.ID) -> Dispute:
        """Read one dispute."""
        case_id = parse_id("dsp", id, field="id")
        view, evidence = await listing.dispute_view(case_id, within=_within(info.context))
        return dispute_type(view, evidence)


@strawberry.type
class DisputeMutation:
    """What operators do about disputes."""

    @strawberry.mutation(
        description="Hand in what we can prove: once, and for good.", extensions=[Refusals()]
    )
    async def dispute_evidence_submit(
        self, info: Info, input: DisputeEvidenceSubmitInput
    ) -> DisputePayload:
        """Write the answer down; the worker hands it in."""
        context = info.context
        case_id = parse_id("dsp", input.dispute_id, field="disputeId")
        await answering.submit_evidence(
            case_id=case_id,
            within=_within(context),
            statement=input.statement,
            actor=context.actor,
        )
        return await _changed(context, case_id)

    @strawberry.mutation(
        description="Say whether the disputed goods were good.", extensions=[Refusals()]
    )
    async def dispute_decide(self, info: Info, input: DisputeDecideInput) -> DisputePayload:
        """Decide who is at fault, before the bank decides."""
        context = info.context
        case_id = parse_id("dsp", input.dispute_id, field="disputeId")
        await deciding.decide_goods(
            case_id=case_id, within=_within(context), goods=input.goods.value
        )
        return await _changed(context, case_id)

    @strawberry.mutation(
        description="Let a contract say who bears lost disputes of later orders.",
        extensions=[Refusals()],
    )
    async def chargeback_liability_set(
        self, info: Info, input: ChargebackLiabilitySetInput
    ) -> ChargebackLiabilityPayload:
        """Change the term of a tenant's contract."""
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        await liability.set_liability(
            tenant_id=tenant_id,
            liability=input.liability.value,
            actor=info.context.actor,
            reason=input.reason,
        )
        return ChargebackLiabilityChanged(
            tenant_id=strawberry.ID(public_id("ten", tenant_id)), liability=input.liability
        )
