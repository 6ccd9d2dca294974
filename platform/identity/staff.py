"""Who works for a tenant: people with roles, and programs with scopes."""

from collections.abc import Collection
from uuid import UUID

from identity.models import StaffRole
from kernel import crypto, db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id

LONGEST_NAME = 80
MOST_SCOPES = 50


async def create_staff(*, name: str) -> UUID:
    """Make a staff user, who works for nobody yet; `Invalid` without a name."""
    staff_id = new_id()
    async with db.transaction(db.core_scope()):
        await db.execute(
            "insert into staff_users (id, name) values ($1, $2)", staff_id, _checked_name(name)
        )
    return staff_id


async def set_membership(*, tenant_id: UUID, staff_id: UUID, roles: Collection[StaffRole]) -> None:
    """Give a staff user exactly these roles in a tenant.

    Raises `Invalid` without a role: an empty list never means "everything". Who may give which
    role is the caller's to check.
    """
    if not roles:
        raise Invalid("A member needs a role.", field="roles")
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute(
            """insert into memberships (tenant_id, staff_id, roles) values ($1, $2, $3)
               on conflict (tenant_id, staff_id) do update set roles = excluded.roles""",
            tenant_id,
            staff_id,
            sorted({StaffRole(role).value for role in roles}),
        )


async def end_membership(*, tenant_id: UUID, staff_id: UUID) -> None:
    """End a staff user's work for a tenant; tokens for it stop at once.

    Raises `NotFound` for who is not a member.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        if not await db.execute("delete from memberships where staff_id = $1", staff_id):
            raise NotFound("There is no such member.")


async def freeze_staff(*, staff_id: UUID) -> None:
    """Stop a staff user everywhere, at once; `NotFound` for an unknown one."""
    async with db.transaction(db.core_scope()):
        found = await db.execute("update staff_users set status = 'FROZEN' where id = $1", staff_id)
        if not found:
            raise NotFound("There is no such staff user.")


async def create_api_client(*, tenant_id: UUID, name: str, scopes: Collection[str]) -> UUID:
    """Register a program that acts for a tenant within its scopes.

    Raises `Invalid` without a name or a scope.
    """
    words = sorted({scope for scope in scopes if scope})
    if not 0 < len(words) <= MOST_SCOPES:
        raise Invalid(f"An API client has 1 to {MOST_SCOPES} scopes.", field="scopes")
    client_id = new_id()
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute(
            "insert into api_clients (tenant_id, id, name, scopes) values ($1, $2, $3, $4)",
            tenant_id,
            client_id,
            _checked_name(name),
            words,
        )
    return client_id


async def revoke_api_client(*, tenant_id: UUID, client_id: UUID) -> None:
    """Stop a program at once, with all its tokens; `NotFound` elsewhere."""
    async with db.transaction(db.core_scope(tenant_id)):
        found = await db.execute(
            "update api_clients set status = 'REVOKED' where id = $1", client_id
        )
        if not found:
            raise NotFound("There is no such API client.")


def _checked_name(name: str) -> str:
    text = crypto.normalised(name)
    if not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        message = f"A name has 1 to {LONGEST_NAME} printable characters."
        raise Invalid(message, field="name")
    return text
