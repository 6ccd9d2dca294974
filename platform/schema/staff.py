"""Staff: signing in, the list, invitations, roles, and the evidence of who gave what."""

from uuid import UUID

import strawberry

from identity import invitations, memberships, staff_events
from identity.models import StaffEventKind, StaffRole
from identity.staff_sign_in import StaffSignedIn as Admitted
from identity.staff_sign_in import staff_sign_in
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from schema.context import Context, Info
from schema.problems import Refusals
from schema.rights import giver_of
from schema.staff_types import (
    StaffChanged,
    StaffEvent,
    StaffInvitation,
    StaffInvitationAcceptInput,
    StaffInvitationWithdrawInput,
    StaffInvitationWithdrawn,
    StaffInvitationWithdrawPayload,
    StaffInvited,
    StaffInviteInput,
    StaffInvitePayload,
    StaffMember,
    StaffPayload,
    StaffRemoveInput,
    StaffSetRolesInput,
    StaffSignedIn,
    StaffSignInInput,
    StaffSignInPayload,
    Workplace,
)

_MOST_ROLES = 5


@strawberry.type
class StaffQuery:
    """The shop's people."""

    @strawberry.field(
        description="The shops for which the caller works.", metadata={"assumed_size": 10}
    )
    async def my_tenants(self, info: Info) -> list[Workplace]:
        """List the caller's workplaces."""
        caller = info.context.caller
        assert caller is not None  # the role × field table lets only staff in
        return [
            Workplace(slug=one.slug, name=one.name, host=one.host, roles=list(one.roles))
            for one in await memberships.workplaces(caller.principal_id)
        ]

    @strawberry.field(description="The shop's staff.", metadata={"assumed_size": 20})
    async def staff(self, info: Info) -> list[StaffMember]:
        """List the members."""
        return await _staff(info.context)

    @strawberry.field(description="Invitations that are open.", metadata={"assumed_size": 10})
    async def staff_invitations(self, info: Info) -> list[StaffInvitation]:
        """List what is offered."""
        return [
            StaffInvitation(
                id=strawberry.ID(public_id("inv", one.id)),
                account=one.account,
                roles=list(one.roles),
                expires_at=one.expires_at,
            )
            for one in await invitations.open_invitations(info.context.shop.id)
        ]

    @strawberry.field(description="Who gave what to whom, the newest first.")
    async def staff_events(self, info: Info, first: int = 20) -> list[StaffEvent]:
        """Read the last events."""
        if not 1 <= first <= staff_events.MOST_AT_ONCE:
            raise Invalid(f"A page has 1 to {staff_events.MOST_AT_ONCE} rows.", field="first")
        events = await staff_events.newest_events(tenant_id=info.context.shop.id, first=first)
        return [_event(event) for event in events]


@strawberry.type
class StaffMutation:
    """Changes of the shop's people."""

    @strawberry.mutation(description="Sign in as staff of this shop.", extensions=[Refusals()])
    async def staff_sign_in(self, info: Info, input: StaffSignInInput) -> StaffSignInPayload:
        """Exchange a password for a token."""
        context = info.context
        return _signed_in(
            await staff_sign_in(
                tenant_id=context.shop.id,
                account=input.account,
                password=input.password,
                ip=context.ip,
            )
        )

    @strawberry.mutation(
        description="Offer somebody a place on the shop's staff.", extensions=[Refusals()]
    )
    async def staff_invite(self, info: Info, input: StaffInviteInput) -> StaffInvitePayload:
        """Make an invitation."""
        made = await invitations.invite(
            tenant_id=info.context.shop.id,
            giver=giver_of(info.context, "Mutation.staffInvite"),
            account=input.account,
            roles=_few(input.roles),
        )
        return StaffInvited(
            id=strawberry.ID(public_id("inv", made.id)),
            token=made.token,
            expires_at=made.expires_at,
        )

    @strawberry.mutation(description="Take an offered place.", extensions=[Refusals()])
    async def staff_invitation_accept(
        self, info: Info, input: StaffInvitationAcceptInput
    ) -> StaffSignInPayload:
        """Join, and sign in."""
        context = info.context
        return _signed_in(
            await invitations.accept(
                tenant_id=context.shop.id,
                token=input.token,
                password=input.password,
                name=input.name,
                ip=context.ip,
            )
        )

    @strawberry.mutation(description="Take an open invitation back.", extensions=[Refusals()])
    async def staff_invitation_withdraw(
        self, info: Info, input: StaffInvitationWithdrawInput
    ) -> StaffInvitationWithdrawPayload:
        """End an invitation."""
        await invitations.withdraw(
            tenant_id=info.context.shop.id,
            giver=giver_of(info.context, "Mutation.staffInvitationWithdraw"),
            invitation_id=parse_id("inv", input.invitation_id, field="invitationId"),
        )
        return StaffInvitationWithdrawn(id=input.invitation_id)

    @strawberry.mutation(description="Say what a member may do.", extensions=[Refusals()])
    async def staff_set_roles(self, info: Info, input: StaffSetRolesInput) -> StaffPayload:
        """Replace a member's roles."""
        await memberships.set_roles(
            tenant_id=info.context.shop.id,
            giver=giver_of(info.context, "Mutation.staffSetRoles"),
            staff_id=parse_id("stf", input.staff_id, field="staffId"),
            roles=_few(input.roles),
        )
        return StaffChanged(staff=await _staff(info.context))

    @strawberry.mutation(
        description="End a membership, with all its tokens.", extensions=[Refusals()]
    )
    async def staff_remove(self, info: Info, input: StaffRemoveInput) -> StaffPayload:
        """Dismiss a member."""
        await memberships.remove_member(
            tenant_id=info.context.shop.id,
            giver=giver_of(info.context, "Mutation.staffRemove"),
            staff_id=parse_id("stf", input.staff_id, field="staffId"),
        )
        return StaffChanged(staff=await _staff(info.context))


def _few(roles: list[StaffRole]) -> list[StaffRole]:
    if len(roles) > _MOST_ROLES:
        raise Invalid(f"At most {_MOST_ROLES} roles.", field="roles")
    return roles


def _signed_in(done: Admitted) -> StaffSignedIn:
    return StaffSignedIn(token=done.token, expires_at=done.expires_at, roles=list(done.roles))


async def _staff(context: Context) -> list[StaffMember]:
    return [
        StaffMember(
            id=strawberry.ID(public_id("stf", one.id)),
            name=one.name,
            account=one.account,
            roles=list(one.roles),
            status=one.status,
            joined_at=one.joined_at,
        )
        for one in await memberships.members(context.shop.id)
    ]


def _event(event: staff_events.StaffEventView) -> StaffEvent:
    return StaffEvent(
        id=strawberry.ID(public_id("sev", event.id)),
        happened_at=event.happened_at,
        actor=_actor(event.actor),
        kind=event.kind,
        subject_id=strawberry.ID(public_id(_subject_kind(event.kind), event.subject_id)),
        rights_before=list(event.rights_before),
        rights_after=list(event.rights_after),
    )


def _actor(actor: str) -> str:
    """The id of a member, or "platform"."""
    kind, _, member_id = actor.partition(":")
    return public_id("stf", UUID(member_id)) if kind == "staff" else actor


def _subject_kind(kind: StaffEventKind) -> str:
    if kind.startswith("CLIENT_"):
        return "apc"
    invited = (StaffEventKind.INVITED, StaffEventKind.INVITATION_WITHDRAWN)
    return "inv" if kind in invited else "stf"
