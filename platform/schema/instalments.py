"""Paying in parts: the buyer's plan, the shop's end of it, and the terms."""

from typing import Annotated

import strawberry

from billing.payment_choices import Choice
from kernel.errors import NotFound
from orders.instalments import offering, queries
from orders.instalments import terms as agreed
from orders.instalments.terms import Terms
from orders.plans import ending, starting
from orders.plans.starting import PartWish
from orders.records import Viewer
from schema.context import Context, Info
from schema.inputs import amount_in, return_url
from schema.instalment_types import (
    InstalmentFeePayer,
    InstalmentRelease,
    InstalmentTerms,
    OrderInstalments,
    offer_type,
    plan_type,
    terms_type,
)
from schema.money import MoneyInput
from schema.orders import OrderChanged, OrderPayload, order_by_id
from schema.payment_methods import PaymentMethodCode, PaymentMode
from schema.payments import PaymentStartPayload, payment_started
from schema.problems import Problem, Refusals


@strawberry.input
class InstalmentStartInput:
    """So many parts, of which the first is paid now; `amount` is what the buyer has seen that it
    comes to, and agrees to. It is paid in the method's own first mode, unless `mode` says where."""

    order_no: str
    parts: int
    amount: MoneyInput
    method: PaymentMethodCode
    idempotency_key: strawberry.ID
    return_path: str | None = None
    mode: PaymentMode | None = None


@strawberry.input
class InstalmentPayInput:
    """The next part, or with `payOff` all that is owed; `amount` is what the buyer agrees to."""

    order_no: str
    amount: MoneyInput
    method: PaymentMethodCode
    idempotency_key: strawberry.ID
    pay_off: bool = False
    return_path: str | None = None
    mode: PaymentMode | None = None


@strawberry.input
class InstalmentPlanEndInput:
    """The plan of this order."""

    order_no: str
    idempotency_key: strawberry.ID


@strawberry.input
class InstalmentTermsInput:
    """Terms for the shop at whose address the operator is: the platform lends, and the first part
    is at least `firstBp` of the whole."""

    most_parts: int
    first_bp: int
    interval_days: int
    grace_days: int
    fee_bp: int
    fee_by: InstalmentFeePayer
    least_amount: MoneyInput
    most_open: int
    release: InstalmentRelease = InstalmentRelease.BY_SHARE


@strawberry.input
class InstalmentsOfferInput:
    """Whether the shop's customers may pay in parts."""

    is_offered: bool


@strawberry.type
class InstalmentTermsWritten:
    """The terms for orders from now on."""

    terms: InstalmentTerms


InstalmentTermsPayload = Annotated[
    InstalmentTermsWritten | Problem, strawberry.union("InstalmentTermsPayload")
]


def _wish(context: Context, input: InstalmentStartInput | InstalmentPayInput) -> PartWish:
    return PartWish(
        shop=context.shop,
        viewer=context.viewer(),
        order_no=input.order_no,
        amount_minor=amount_in(input.amount, context, field="amount"),
        method=input.method.value,
        return_url=return_url(context, input.return_path),
        idempotency_key=input.idempotency_key,
        choice=Choice(mode=input.mode.value if input.mode else None),
    )


@strawberry.type
class InstalmentQuery:
    """Plans and terms."""

    @strawberry.field(
        description="How an order is paid in parts, or may be; null when there is no such order."
    )
    async def instalments(self, info: Info, order_no: str) -> OrderInstalments | None:
        """Read a plan, and those that could be."""
        context = info.context
        viewer = context.viewer() if context.is_buyer else Viewer(whole_shop=True)
        try:
            view = await queries.plan_of(shop=context.shop, viewer=viewer, order_no=order_no)
            offers = await offering.order_offers(
                shop=context.shop, viewer=viewer, order_no=order_no
            )
        except NotFound:
            return None
        return OrderInstalments(
            offers=[offer_type(offer, context.shop.currency) for offer in offers],
            plan=plan_type(view) if view is not None else None,
        )

    @strawberry.field(description="The shop's terms; null while nobody has agreed on any.")
    async def instalment_terms(self, info: Info) -> InstalmentTerms | None:
        """Read the shop's terms."""
        found = await agreed.terms_of(info.context.shop.id)
        return terms_type(found, info.context.shop.currency) if found else None


@strawberry.type
class InstalmentMutation:
    """From the first part to the last, or to an early end."""

    @strawberry.mutation(
        description="Begin to pay an order in parts, with the first of them.",
        extensions=[Refusals()],
    )
    async def instalment_start(
        self, info: Info, input: InstalmentStartInput
    ) -> PaymentStartPayload:
        """Begin a plan, and ask the channel for its first part."""
        wish = _wish(info.context, input)
        return payment_started(await starting.start_plan(wish, parts=input.parts))

    @strawberry.mutation(
        description="Pay the next part, or all that is owed.", extensions=[Refusals()]
    )
    async def instalment_pay(self, info: Info, input: InstalmentPayInput) -> PaymentStartPayload:
        """Ask the channel for a part."""
        wish = _wish(info.context, input)
        return payment_started(await starting.pay_part(wish, pays_off=input.pay_off))

    @strawberry.mutation(
        description="End a plan: what is not handed over goes back, and what was paid beyond.",
        extensions=[Refusals()],
    )
    async def instalment_plan_end(self, info: Info, input: InstalmentPlanEndInput) -> OrderPayload:
        """End a plan by the shop's decision, or an operator's."""
        context = info.context
        order_id = await ending.cancel_plan(
            shop=context.shop,
            actor=context.actor,
            order_no=input.order_no,
            idempotency_key=input.idempotency_key,
        )
        return OrderChanged(order=await order_by_id(context, order_id))

    @strawberry.mutation(
        description="Agree on a shop's terms for plans: an operator.", extensions=[Refusals()]
    )
    async def instalment_terms_set(
        self, info: Info, input: InstalmentTermsInput
    ) -> InstalmentTermsPayload:
        """Write a shop's terms."""
        context, shop = info.context, info.context.shop
        terms = await agreed.set_terms(shop.id, _terms(input, context), actor=context.actor)
        return InstalmentTermsWritten(terms=terms_type(terms, shop.currency))

    @strawberry.mutation(
        description="Offer plans to the shop's customers, or no longer.", extensions=[Refusals()]
    )
    async def instalments_offer(
        self, info: Info, input: InstalmentsOfferInput
    ) -> InstalmentTermsPayload:
        """Say whether the shop's customers may pay in parts."""
        shop = info.context.shop
        terms = await agreed.offer(shop.id, is_offered=input.is_offered)
        return InstalmentTermsWritten(terms=terms_type(terms, shop.currency))


def _terms(input: InstalmentTermsInput, context: Context) -> Terms:
    return Terms(
        most_parts=input.most_parts,
        first_bp=input.first_bp,
        interval_days=input.interval_days,
        grace_days=input.grace_days,
        fee_bp=input.fee_bp,
        fee_by=input.fee_by.value,
        least_minor=amount_in(input.least_amount, context, field="leastAmount"),
        most_open=input.most_open,
        release=input.release.value,
    )
