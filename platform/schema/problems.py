"""Refusals as data: the one place where a `Refusal` becomes a member of a mutation's union."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from graphql import OperationType
from strawberry.extensions import FieldExtension

from kernel.errors import Refusal
from kernel.scope import actor
from schema.context import Context, confirm_caller
from schema.life_table import require_state
from schema.messages import in_chinese


@strawberry.type(description="A number or word that belongs to a problem.")
class ProblemDetail:
    """One named value."""

    name: str
    value: str


@strawberry.type(description="Why a mutation was refused. Nothing has been written.")
class Problem:
    """`code` is stable and for programs, `message` is for people, `field` names the input."""

    code: str
    message: str
    field: str | None
    details: list[ProblemDetail]


class Refusals(FieldExtension):
    """Turns any refusal of a resolver into a `Problem`; everything else goes on as a bug.

    Every mutation has it, so here the shop's state is asked, its caller is made sure of, and the
    audit log is told who decides.
    `asks_itself` is for a use case whose own statement asks whether the token is good.
    """

    def __init__(self, *, asks_itself: bool = False) -> None:
        self.asks_itself = asks_itself

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Any, **kwargs: Any
    ) -> Any:
        """Call the resolver and answer for it if it refuses."""
        try:
            if info.operation.operation is OperationType.MUTATION:
                require_state(f"Mutation.{info.field_name}", info.context.shop.status)
                if not self.asks_itself:
                    await confirm_caller(info.context)
                # Whoever spoke before in this place, this one speaks for himself.
                actor.set("" if info.context.is_buyer else info.context.actor)
            return await next_(source, info, **kwargs)
        except Refusal as refusal:
            return problem(refusal, info.context)


def problem(refusal: Refusal, context: Context) -> Problem:
    """Put a refusal into the caller's language."""
    message = refusal.message if context.english else in_chinese(refusal)
    details = [ProblemDetail(name=k, value=str(v)) for k, v in refusal.details.items()]
    return Problem(code=refusal.code, message=message, field=refusal.field, details=details)
