"""Owners and those they hire, by the product's own use cases."""

from collections.abc import Collection
from uuid import UUID

from identity import invitations
from identity.models import StaffRole
from identity.rights import Giver
from identity.staff import create_staff, set_membership
from identity.staff_sign_in import StaffSignedIn
from schema.rights import rights_of

PASSWORD = "correct horse battery"
HERE = "192.0.2.1"


async def employ(tenant_id: UUID, *roles: StaffRole) -> UUID:
    """Let the platform make somebody a member; returns whom."""
    staff_id = await create_staff(name="Grace")
    await set_membership(tenant_id=tenant_id, staff_id=staff_id, roles=roles)
    return staff_id


def giver(staff_id: UUID, act: str) -> Giver:
    """A member who does something: `staffInvite`."""
    return Giver(staff_id, f"Mutation.{act}", rights_of)


async def hire(
    tenant_id: UUID, by: UUID, account: str, roles: Collection[StaffRole]
) -> StaffSignedIn:
    """Invite somebody, and let them accept."""
    invited = await invitations.invite(
        tenant_id=tenant_id, giver=giver(by, "staffInvite"), account=account, roles=roles
    )
    return await invitations.accept(
        tenant_id=tenant_id, token=invited.token, password=PASSWORD, name="Ada", ip=HERE
    )
