"""Opening a shop below another: the tenant and its owner, all of it or nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from identity.attempts import count_attempt, subscriber
from identity.models import StaffRole, TokenKind
from identity.tokens import write_token
from kernel import db
from kernel.ids import new_id
from tenants import founding, invitations
from tenants.founding import Application, Contract, Founded

FOUNDINGS_PER_ADDRESS: Final = 10
FOUNDINGS_WINDOW_SECONDS: Final = 3600
OWNER_TOKEN_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class ShopFounded:
    """The new tenant, and its owner's token: readable this once."""

    tenant: Founded
    token: str
    expires_at: datetime


async def apply(*, parent_id: UUID, application: Application, ip: str, actor: str) -> ShopFounded:
    """Apply for a shop below this one; who applies becomes its owner.

    Raises what `founding.found` raises, and `RateLimited`.
    """
    await _count(ip)
    async with db.transaction(_scope()):
        return await _found(application, Contract(), parent_id=parent_id, actor=actor)


async def accept(
    *, parent_id: UUID, token: str, application: Application, ip: str, actor: str
) -> ShopFounded:
    """Open a shop with an invitation of this one.

    Raises `NotFound` for an invitation that is not good (any more), and what `apply` raises.
    """
    await _count(ip)
    async with db.transaction(_scope()):
        invitation = await invitations.read(token, parent_id=parent_id)
        shop = await _found(application, invitation.contract, parent_id=parent_id, actor=actor)
        await invitations.take(invitation, child_id=shop.tenant.id)
    return shop


async def _found(
    application: Application, contract: Contract, *, parent_id: UUID, actor: str
) -> ShopFounded:
    tenant_id, staff_id = new_id(), new_id()
    tenant = await founding.found(
        application, contract, tenant_id=tenant_id, parent_id=parent_id, actor=actor
    )
    await db.execute(
        "insert into staff_users (id, name) values ($1, $2)", staff_id, application.name.strip()
    )
    await db.execute(
        "insert into memberships (tenant_id, staff_id, roles) values ($1, $2, $3)",
        tenant_id,
        staff_id,
        [StaffRole.OWNER.value],
    )
    written = await write_token(
        kind=TokenKind.STAFF,
        tenant_id=tenant_id,
        principal_id=staff_id,
        ttl_seconds=OWNER_TOKEN_SECONDS,
    )
    return ShopFounded(tenant, written.token, written.expires_at)


async def _count(ip: str) -> None:
    await count_attempt(
        scope="found-a-shop",
        subject=subscriber(ip),
        limit=FOUNDINGS_PER_ADDRESS,
        window_seconds=FOUNDINGS_WINDOW_SECONDS,
    )


def _scope() -> db.Scope:
    return db.every_tenant(reason="a shop is founded: its rows are its own, the invitation is not")
