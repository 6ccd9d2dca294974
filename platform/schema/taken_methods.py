"""Which ways to pay a shop takes, said by its own people or by an operator."""

from typing import Annotated

import strawberry

from orders import ways_to_pay
from schema.context import Info
from schema.payment_methods import PaymentMethodCode
from schema.problems import Problem, Refusals
from tenants.directory import hear_change


@strawberry.input
class PaymentMethodSetInput:
    """For the shop at this address, from now on. Whoever transfers money (BANK_TRANSFER) has the
    keys held for days, and signs in first."""

    method: PaymentMethodCode
    is_taken: bool


@strawberry.type
class PaymentMethodsChanged:
    """What the shop takes now."""

    methods: list[PaymentMethodCode]


PaymentMethodSetPayload = Annotated[
    PaymentMethodsChanged | Problem, strawberry.union("PaymentMethodSetPayload")
]


@strawberry.type
class TakenMethodMutation:
    """A shop's ways to pay."""

    @strawberry.mutation(
        description="Take a way to pay for goods, or take it no more. Said again, it is so "
        "already.",
        extensions=[Refusals()],
    )
    async def payment_method_set(
        self, info: Info, input: PaymentMethodSetInput
    ) -> PaymentMethodSetPayload:
        """Change what the shop takes."""
        shop = info.context.shop
        codes = await ways_to_pay.set_taken(shop, input.method.value, is_taken=input.is_taken)
        hear_change(str(shop.id))
        return PaymentMethodsChanged(methods=[PaymentMethodCode(code) for code in codes])
