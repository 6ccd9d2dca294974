"""Passwords: a new one for whoever knows the old one, or has a link."""

from enum import Enum
from typing import Annotated

import strawberry

from identity.models import TokenKind
from identity.password_changes import change_password
from identity.password_resets import ask_for_reset, reset_password
from schema.context import Info
from schema.problems import Problem, Refusals


@strawberry.enum(description="Whose password: a buyer's in this shop, or that of somebody's login.")
class LoginKind(Enum):
    """A staff login is the same in every shop."""

    CUSTOMER = TokenKind.CUSTOMER.value
    STAFF = TokenKind.STAFF.value


@strawberry.input
class PasswordChangeInput:
    """The password that is good now, and the one that is to be."""

    current_password: str
    new_password: str


@strawberry.input
class PasswordResetAskInput:
    """`account` is the e-mail address or the phone number."""

    account: str
    login: LoginKind = LoginKind.CUSTOMER


@strawberry.input
class PasswordResetInput:
    """The token of a link, and the new password."""

    token: str
    new_password: str


@strawberry.type
class PasswordChanged:
    """The new password is good. After a change the caller's session goes on, and no other; after a
    reset none does."""

    done: bool


@strawberry.type
class PasswordResetAsked:
    """If there is such an account, a link is on its way; if there is none, the answer is this."""

    done: bool


PasswordPayload = Annotated[PasswordChanged | Problem, strawberry.union("PasswordPayload")]
PasswordResetAskPayload = Annotated[
    PasswordResetAsked | Problem, strawberry.union("PasswordResetAskPayload")
]


@strawberry.type
class PasswordMutation:
    """New passwords."""

    @strawberry.mutation(
        description="Change the caller's password; all other sessions end.",
        extensions=[Refusals()],
    )
    async def password_change(self, info: Info, input: PasswordChangeInput) -> PasswordPayload:
        """Set another password."""
        context = info.context
        assert context.caller is not None  # the role × field table lets no guest in
        assert context.token is not None
        await change_password(
            tenant_id=context.shop.id,
            kind=context.caller.kind,
            principal_id=context.caller.principal_id,
            current=input.current_password,
            new=input.new_password,
            token=context.token,
        )
        return PasswordChanged(done=True)

    @strawberry.mutation(
        description="Ask for a link that sets a new password, good for 30 minutes.",
        extensions=[Refusals()],
    )
    async def password_reset_ask(
        self, info: Info, input: PasswordResetAskInput
    ) -> PasswordResetAskPayload:
        """Have a link sent."""
        context = info.context
        await ask_for_reset(
            shop=context.shop,
            login=TokenKind(input.login.value),
            account=input.account,
            ip=context.ip,
            origin=context.platforms_origin,
        )
        return PasswordResetAsked(done=True)

    @strawberry.mutation(
        description="Set a new password with a link's token; all sessions end.",
        extensions=[Refusals()],
    )
    async def password_reset(self, info: Info, input: PasswordResetInput) -> PasswordPayload:
        """Use a link."""
        await reset_password(
            tenant_id=info.context.shop.id, token=input.token, new=input.new_password
        )
        return PasswordChanged(done=True)
