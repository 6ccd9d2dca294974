"""What the platform itself does with staff: people who work for a tenant before it has an owner."""

from collections.abc import Collection
from uuid import UUID

from identity import staff_events
from identity.models import StaffEventKind, StaffRole
from identity.rights import lock_people
from kernel import crypto, db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id

LONGEST_NAME = 80
PLATFORM = "platform"


async def create_staff(*, name: str) -> UUID:
    """Make a staff user, who works for nobody yet and cannot sign in; `Invalid` without a name."""
    staff_id = new_id()
    async with db.transaction(db.core_scope()):
        await db.execute(
            "insert into staff_users (id, name) values ($1, $2)", staff_id, checked_name(name)
        )
    return staff_id


async def set_membership(*, tenant_id: UUID, staff_id: UUID, roles: Collection[StaffRole]) -> None:
    """Give a staff user exactly these roles in a tenant, on the platform's own account.

    Raises `Invalid` without a role: an empty list never means "everything".
    """
    words = checked_roles(roles)
    async with db.transaction(db.core_scope(tenant_id)):
        await lock_people(tenant_id)
        before = await db.fetch_value(
            "select roles from memberships where tenant_id = $1 and staff_id = $2",
            tenant_id,
            staff_id,
        )
        await db.execute(
            """insert into memberships (tenant_id, staff_id, roles) values ($1, $2, $3)
               on conflict (tenant_id, staff_id) do update set roles = excluded.roles""",
            tenant_id,
            staff_id,
            words,
        )
        await staff_events.note(
            tenant_id=tenant_id,
            actor=PLATFORM,
            kind=StaffEventKind.JOINED if before is None else StaffEventKind.ROLES_SET,
            subject_id=staff_id,
            before=before or (),
            after=words,
        )


async def freeze_staff(*, staff_id: UUID) -> None:
    """Stop a staff user everywhere, at once; `NotFound` for an unknown one."""
    async with db.transaction(db.core_scope()):
        found = await db.execute("update staff_users set status = 'FROZEN' where id = $1", staff_id)
        if not found:
            raise NotFound("There is no such staff user.")


def checked_roles(roles: Collection[StaffRole]) -> list[str]:
    """Return the roles in one order; `Invalid` without any."""
    if not roles:
        raise Invalid("A member needs a role.", field="roles")
    return sorted({StaffRole(role).value for role in roles})


def checked_name(name: str) -> str:
    """Return a name in its one spelling; `Invalid` unless it has 1 to 80 printable characters."""
    text = crypto.normalised(name)
    if not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        message = f"A name has 1 to {LONGEST_NAME} printable characters."
        raise Invalid(message, field="name")
    return text
