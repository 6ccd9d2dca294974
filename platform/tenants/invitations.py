"""A parent's invitations: a token that is good once, for a while, and is kept as its hash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import crypto, db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from tenants.directory import TenantRestricted
from tenants.founding import Contract

MAX_OPEN_INVITATIONS: Final = 100
MAX_DAYS: Final = 30

_PARENT = "select stands(status) from tenants where id = $1 for no key update"
_OPEN = """
select count(*) from tenant_invitations
where tenant_id = $1 and child_id is null and expires_at > platform_now()
"""
_WRITE = """
insert into tenant_invitations (tenant_id, id, token_hash, on_parent_loss, settlement_mode,
                                created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, platform_now() + $7::interval) returning expires_at
"""
_CONTRACT = """
select id, on_parent_loss, settlement_mode from tenant_invitations
where token_hash = $1 and tenant_id = $2 and child_id is null and expires_at > platform_now()
"""
# Who comes second waits for the row, and finds that it is taken.
_TAKE = "update tenant_invitations set child_id = $2 where id = $1 and child_id is null"


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation's token, readable this once, and when it ends."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that is still good, and what it promises."""

    id: UUID
    contract: Contract


async def invite(*, parent_id: UUID, contract: Contract, days: int, actor: str) -> Invited:
    """Make an invitation to open a shop below this one.

    Raises `Invalid` for a time outside of its bounds or when a hundred invitations are open.
    """
    if not 1 <= days <= MAX_DAYS:
        raise Invalid(f"An invitation is good for 1 to {MAX_DAYS} days.", field="days")
    token = crypto.new_token("kmi")
    async with db.transaction(db.core_scope(parent_id)):
        if not await db.fetch_value(_PARENT, parent_id):
            raise TenantRestricted("No shop can be opened here at the moment.")
        if await db.fetch_value(_OPEN, parent_id) >= MAX_OPEN_INVITATIONS:
            raise Invalid(f"At most {MAX_OPEN_INVITATIONS} invitations are open at a time.")
        expires_at: datetime = await db.fetch_value(
            _WRITE,
            parent_id,
            new_id(),
            crypto.token_hash(token),
            contract.on_parent_loss,
            contract.settlement_mode,
            actor,
            timedelta(days=days),
        )
    return Invited(token, expires_at)


async def read(token: str, *, parent_id: UUID) -> Invitation:
    """Find the invitation behind a token, in the open transaction.

    Raises `NotFound` alike for one that is unknown, another parent's, expired, or taken.
    """
    row = await db.fetch_row(_CONTRACT, crypto.token_hash(token[:100]), parent_id)
    if row is None:
        raise _no_longer_good()
    return Invitation(row["id"], Contract(row["on_parent_loss"], row["settlement_mode"]))


async def take(invitation: Invitation, *, child_id: UUID) -> None:
    """Spend an invitation on a tenant that was just written, in the same transaction.

    Raises `NotFound` when somebody else was first.
    """
    if not await db.execute(_TAKE, invitation.id, child_id):
        raise _no_longer_good()


def _no_longer_good() -> NotFound:
    return NotFound("This invitation is not good, or no more.", field="token")
