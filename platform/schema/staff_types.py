"""Staff as GraphQL types: members, invitations, events, and what their changes take and answer."""

from datetime import datetime
from typing import Annotated

import strawberry

from identity.models import AccountStatus, StaffEventKind, StaffRole
from schema.problems import Problem

strawberry.enum(StaffRole, description="What a member of staff may do: see the field table.")
strawberry.enum(AccountStatus)
strawberry.enum(StaffEventKind)


@strawberry.type(description="A bearer token of one shop: `Authorization: Bearer kms_…`.")
class StaffSignedIn:
    """Good for 12 hours, in the shop at whose address it was asked for."""

    token: str
    expires_at: datetime
    roles: list[StaffRole]


@strawberry.type(description="A shop for which the caller works.")
class Workplace:
    """Sign in there, at its own address."""

    slug: str
    name: str
    host: str
    roles: list[StaffRole]


@strawberry.type(description="One of the shop's staff.")
class StaffMember:
    """`account` is what the member signs in with; null for who has no password yet."""

    id: strawberry.ID
    name: str
    account: str | None
    roles: list[StaffRole]
    status: AccountStatus
    joined_at: datetime


@strawberry.type(description="A place that nobody has taken yet.")
class StaffInvitation:
    """Its token was shown once, when it was made."""

    id: strawberry.ID
    account: str
    roles: list[StaffRole]
    expires_at: datetime


@strawberry.type(description="A new invitation; pass its token on, it is not shown again.")
class StaffInvited:
    """Good once, for the invited account, for a week."""

    id: strawberry.ID
    token: str
    expires_at: datetime


@strawberry.type(description="Who gave or took what. Never changed.")
class StaffEvent:
    """`rights*` are roles of people, scopes of programs; `subjectId` is who or what has them."""

    id: strawberry.ID
    happened_at: datetime
    actor: str
    kind: StaffEventKind
    subject_id: strawberry.ID
    rights_before: list[str]
    rights_after: list[str]


@strawberry.type
class StaffChanged:
    """The staff as it is now."""

    staff: list[StaffMember] = strawberry.field(metadata={"assumed_size": 20})


@strawberry.type
class StaffInvitationWithdrawn:
    """The invitation opens nothing any more."""

    id: strawberry.ID


StaffSignInPayload = Annotated[StaffSignedIn | Problem, strawberry.union("StaffSignInPayload")]
StaffInvitePayload = Annotated[StaffInvited | Problem, strawberry.union("StaffInvitePayload")]
StaffPayload = Annotated[StaffChanged | Problem, strawberry.union("StaffPayload")]
StaffInvitationWithdrawPayload = Annotated[
    StaffInvitationWithdrawn | Problem, strawberry.union("StaffInvitationWithdrawPayload")
]


@strawberry.input
class StaffSignInInput:
    """`account` is the e-mail address or the phone number that was invited."""

    account: str
    password: str


@strawberry.input
class StaffInviteInput:
    """An e-mail address or a phone number, and what its owner shall be."""

    account: str
    roles: list[StaffRole]


@strawberry.input
class StaffInvitationAcceptInput:
    """The password is a new login's own, or the one that the account's login has already."""

    token: str
    password: str
    name: str


@strawberry.input
class StaffInvitationWithdrawInput:
    """Which one."""

    invitation_id: strawberry.ID


@strawberry.input
class StaffSetRolesInput:
    """All roles that the member shall have."""

    staff_id: strawberry.ID
    roles: list[StaffRole]


@strawberry.input
class StaffRemoveInput:
    """Whom; oneself, too, as long as an owner stays."""

    staff_id: strawberry.ID
