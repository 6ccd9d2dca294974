"""Who takes the money of a shop's buyers."""

from enum import Enum
from typing import Annotated

import strawberry

from schema.context import Info
from schema.problems import Problem, Refusals
from tenants import models
from tenants.settlement import set_settlement_mode


@strawberry.enum
class SettlementMode(Enum):
    """PLATFORM_COLLECT: buyers pay the platform, which credits the shop its margin. PREPAID: they
    pay the shop itself, which buys at cost out of its trade balance; its storefront here takes no
    orders."""

    PLATFORM_COLLECT = "PLATFORM_COLLECT"
    PREPAID = "PREPAID"


@strawberry.input
class SettlementModeSetInput:
    """For the shop at this address, from now on."""

    mode: SettlementMode


@strawberry.type
class SettlementModeChanged:
    """The mode as it is now."""

    mode: SettlementMode


SettlementModePayload = Annotated[
    SettlementModeChanged | Problem, strawberry.union("SettlementModePayload")
]


@strawberry.type
class SettlementMutation:
    """How a shop is settled: by contract, so an operator decides."""

    @strawberry.mutation(
        description="Say who takes the money of the shop's buyers.", extensions=[Refusals()]
    )
    async def settlement_mode_set(
        self, info: Info, input: SettlementModeSetInput
    ) -> SettlementModePayload:
        """Change the shop's settlement mode."""
        mode = models.SettlementMode(input.mode.value)
        await set_settlement_mode(info.context.shop.id, mode)
        return SettlementModeChanged(mode=input.mode)
