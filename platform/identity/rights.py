"""Who may give what to whom: nobody gives a right that they do not have themselves.

A right is a field of the role × field table, and a role or a scope is the set of rights that its
column holds. The table belongs to the schema: whoever calls hands over how to read it.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from identity.models import StaffRole
from kernel import db
from kernel.errors import Forbidden

RightsOf = Callable[[str], frozenset[str]]
"""Given a column of the role × field table: the fields that it is granted."""


@dataclass(frozen=True, slots=True)
class Giver:
    """A member who changes staff or programs, and what it takes to do that."""

    staff_id: UUID
    act: str
    """The field by which it is done, `Mutation.staffInvite`."""
    rights_of: RightsOf

    @property
    def actor(self) -> str:
        """How records name the giver."""
        return f"staff:{self.staff_id}"


@dataclass(frozen=True, slots=True)
class Held:
    """The rights of a giver, read where nobody can take them away meanwhile."""

    rights: frozenset[str]
    rights_of: RightsOf

    def require(self, columns: Iterable[str], *, field: str = "roles") -> None:
        """Raise `Forbidden` for a column that holds a right which the giver does not have."""
        if not all(self.rights_of(column) <= self.rights for column in columns):
            raise Forbidden("Nobody gives or takes rights beyond their own.", field=field)


def columns_of(roles: Iterable[str]) -> frozenset[str]:
    """Name the columns of staff's roles."""
    return frozenset(f"STAFF_{StaffRole(role)}" for role in roles)


@asynccontextmanager
async def changing_people(*, tenant_id: UUID, giver: Giver) -> AsyncIterator[Held]:
    """Open the transaction in which one giver changes a tenant's staff or programs.

    Everybody else who does that waits. Then the giver's roles are read: whoever lost them while
    the request was on its way gets `Forbidden`.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        await lock_people(tenant_id)
        roles = await db.fetch_value(
            """select roles from memberships
               where tenant_id = current_tenant_id() and staff_id = $1""",
            giver.staff_id,
        )
        rights: frozenset[str] = frozenset().union(
            *(giver.rights_of(column) for column in columns_of(roles or ()))
        )
        if giver.act not in rights:
            raise Forbidden("You do not have the right to do this any more.")
        yield Held(rights, giver.rights_of)


async def lock_people(tenant_id: UUID) -> None:
    """Wait, in the open transaction, for whoever changes the tenant's staff or programs."""
    await db.execute("select lock_people($1)", tenant_id)
