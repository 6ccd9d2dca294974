"""Promotion budgets: the money behind coupons that others than the selling shop pay for."""

from typing import Annotated
from uuid import UUID

import strawberry

from promotions import budgets
from promotions.budgets import Budget, TopUp
from schema.context import Context, Info
from schema.inputs import amount_in
from schema.money import Money, MoneyInput, amount
from schema.problems import Problem, Refusals


@strawberry.input
class PromoBudgetTopUpInput:
    """Out of the party's available earnings; from an operator it is the platform's money."""

    amount: MoneyInput
    idempotency_key: strawberry.ID


@strawberry.type
class PromoBudget:
    """What a promotion budget holds: free, and held for orders that wait for payment."""

    free: Money
    held: Money


@strawberry.type
class PromoBudgetChanged:
    """The budget after the change."""

    budget: PromoBudget


PromoBudgetPayload = Annotated[PromoBudgetChanged | Problem, strawberry.union("PromoBudgetPayload")]


@strawberry.type
class PromoBudgetQuery:
    """The caller's budget."""

    @strawberry.field(description="The promotion budget of the caller's party.")
    async def promo_budget(self, info: Info) -> PromoBudget:
        """Read what the budget holds."""
        context = info.context
        party_id = _party_of(context)
        shop = context.shop
        return _budget(await budgets.budget_of(shop.id, party_id, shop.currency))


@strawberry.type
class PromoBudgetMutation:
    """Paying for coupons."""

    @strawberry.mutation(description="Add to the promotion budget.", extensions=[Refusals()])
    async def promo_budget_top_up(
        self, info: Info, input: PromoBudgetTopUpInput
    ) -> PromoBudgetPayload:
        """Move available earnings into the budget; from an operator, the platform's money."""
        context = info.context
        wish = TopUp(
            tenant_id=context.shop.id,
            party_id=_party_of(context),
            amount_minor=amount_in(input.amount, context, field="amount"),
            currency=context.shop.currency,
            from_earnings=not context.is_operator,
            idempotency_key=input.idempotency_key,
        )
        return PromoBudgetChanged(budget=_budget(await budgets.top_up_budget(wish)))


def _party_of(context: Context) -> UUID | None:
    """Whose budget the caller speaks for: a supplier's own, else the shop's; at the root an
    operator's is the platform's."""
    if context.caller is not None and "SUPPLIER" in context.roles:
        return context.caller.principal_id
    is_platform = context.is_operator and len(context.shop.path) == 1
    return None if is_platform else context.shop.id


def _budget(budget: Budget) -> PromoBudget:
    return PromoBudget(
        free=amount(budget.free_minor, budget.currency),
        held=amount(budget.held_minor, budget.currency),
    )
