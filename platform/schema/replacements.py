"""Another key for a bad one."""

import strawberry

from kernel.errors import Forbidden
from kernel.ids import parse_id
from kernel.settings import settings
from orders.replacements import replacing
from orders.replacements.replacing import Wish
from schema.context import Context, Info
from schema.orders import OrderChanged, OrderPayload, order_by_id
from schema.problems import Refusals


@strawberry.input
class KeyReplaceInput:
    """A delivered key that is bad, and why."""

    order_no: str
    key_id: strawberry.ID
    reason: str
    idempotency_key: strawberry.ID


@strawberry.type
class ReplacementMutation:
    """Bad keys."""

    @strawberry.mutation(
        description="Give a buyer another key for a bad one: an operator, or by the platform's "
        "policy the shop's finance staff.",
        extensions=[Refusals()],
    )
    async def key_replace(self, info: Info, input: KeyReplaceInput) -> OrderPayload:
        """Replace a key by the same supplier's, or else by another one's."""
        context = info.context
        elsewhere = _may_look_elsewhere(context)
        key_id = parse_id("dky", input.key_id, field="keyId")
        order_id = await replacing.replace_key(
            shop=context.shop,
            actor=context.actor,
            wish=Wish(input.order_no, key_id, input.reason, elsewhere),
            idempotency_key=input.idempotency_key,
        )
        return OrderChanged(order=await order_by_id(context, order_id))


def _may_look_elsewhere(context: Context) -> bool:
    """Whether the caller may take another supplier's key; raises `Forbidden` where none at all."""
    policy = settings().replacement_policy
    if not context.is_operator and policy == "OPERATORS":
        raise Forbidden("An operator replaces keys.")
    return context.is_operator or policy == "SHOPS"
