"""Who works for a tenant: the list, new roles, and the end of a membership."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import CheckViolationError

from identity import staff_events
from identity.invitations import MOST_PEOPLE, end_invitations_of
from identity.models import AccountStatus, StaffEventKind, StaffRole
from identity.rights import Giver, changing_people, columns_of
from identity.staff import checked_roles
from identity.staff_accounts import LOGINS, opened_account
from kernel import db
from kernel.crypto import Sealed
from kernel.errors import NotFound, Refusal

MOST_WORKPLACES = 100


class LastOwner(Refusal):
    """A tenant that has an owner keeps one."""

    code = "VALIDATION"


@dataclass(frozen=True, slots=True)
class Member:
    """One of a tenant's staff. `account` is None for who cannot sign in with a password."""

    id: UUID
    name: str
    account: str | None
    roles: tuple[StaffRole, ...]
    status: AccountStatus
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Workplace:
    """A tenant for which somebody works, and where it answers."""

    slug: str
    name: str
    host: str
    roles: tuple[StaffRole, ...]


async def set_roles(
    *, tenant_id: UUID, giver: Giver, staff_id: UUID, roles: Collection[StaffRole]
) -> None:
    """Give a member exactly these roles; what the member may do changes with the next request.

    Raises `Forbidden` where the old or the new roles hold more than the giver's rights,
    `LastOwner`, `Invalid` without a role, `NotFound` for who is not a member.
    """
    words = checked_roles(roles)
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        before = await _roles_of(staff_id)
        held.require(columns_of([*before, *words]))
        with _an_owner_stays():
            await db.execute(
                """update memberships set roles = $2
                   where tenant_id = current_tenant_id() and staff_id = $1""",
                staff_id,
                words,
            )
        await end_invitations_of(staff_id)
        await staff_events.note(
            tenant_id=tenant_id,
            actor=giver.actor,
            kind=StaffEventKind.ROLES_SET,
            subject_id=staff_id,
            before=before,
            after=words,
        )


async def remove_member(*, tenant_id: UUID, giver: Giver, staff_id: UUID) -> None:
    """End a membership: the member's tokens of this tenant and open invitations end with it.

    Raises `Forbidden` for a member with more rights than the giver, `LastOwner`, and `NotFound`
    for who is not a member.
    """
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        before = await _roles_of(staff_id)
        held.require(columns_of(before))
        with _an_owner_stays():
            await db.execute(
                "delete from memberships where tenant_id = $1 and staff_id = $2",
                tenant_id,
                staff_id,
            )
        # Without a membership a token opens nothing; revoked, it stays so after a new invitation.
        await db.execute(
            """update access_tokens set revoked_at = platform_now()
               where principal_id = $1 and tenant_id = $2 and kind = 'STAFF'
                 and revoked_at is null""",
            staff_id,
            tenant_id,
        )
        await end_invitations_of(staff_id)
        await staff_events.note(
            tenant_id=tenant_id,
            actor=giver.actor,
            kind=StaffEventKind.REMOVED,
            subject_id=staff_id,
            before=before,
        )


async def _roles_of(staff_id: UUID) -> list[str]:
    roles: list[str] | None = await db.fetch_value(
        """select roles from memberships
           where tenant_id = current_tenant_id() and staff_id = $1""",
        staff_id,
    )
    if roles is None:
        raise NotFound("There is no such member.", field="staffId")
    return roles


@contextmanager
def _an_owner_stays() -> Iterator[None]:
    """Turn the database's word about the last owner into a refusal."""
    try:
        yield
    except CheckViolationError as error:
        if error.constraint_name != "memberships_keep_an_owner":
            raise
        message = "A shop keeps an owner: make somebody else an owner first."
        raise LastOwner(message, field="staffId") from None


async def members(tenant_id: UUID) -> list[Member]:
    """List a tenant's staff, the longest serving first."""
    rows = await db.read(
        db.core_scope(tenant_id),
        """select person.id, person.name, person.account, person.data_key_id, person.status,
                  membership.roles, membership.joined_at
           from memberships membership join staff_users person on person.id = membership.staff_id
           where membership.tenant_id = $1
           order by membership.joined_at, person.id limit $2""",
        tenant_id,
        MOST_PEOPLE,
    )
    return [
        Member(
            row["id"],
            row["name"],
            _account(row["id"], row["account"], row["data_key_id"]),
            tuple(StaffRole(role) for role in row["roles"]),
            AccountStatus(row["status"]),
            row["joined_at"],
        )
        for row in rows
    ]


def _account(staff_id: UUID, ciphertext: bytes | None, key_id: int) -> str | None:
    if ciphertext is None:
        return None
    return opened_account(Sealed(key_id, ciphertext), staff_id, column=LOGINS)


async def workplaces(staff_id: UUID) -> list[Workplace]:
    """List the tenants for which somebody works: whoever asks about themselves."""
    rows = await db.read(
        db.every_tenant(reason="a member of staff looks for the own workplaces"),
        """select tenant.slug, tenant.name, membership.roles,
                  coalesce((select host from tenant_domains domain
                            where domain.tenant_id = tenant.id and domain.is_primary), '') as host
           from memberships membership join tenants tenant on tenant.id = membership.tenant_id
           where membership.staff_id = $1 order by tenant.slug limit $2""",
        staff_id,
        MOST_WORKPLACES,
    )
    return [
        Workplace(
            row["slug"], row["name"], row["host"], tuple(StaffRole(role) for role in row["roles"])
        )
        for row in rows
    ]
