"""A parent's invitations: a token that is good once, for a while, and is kept as its hash.

An invitation is open until it is taken, withdrawn or too old, and each of these is a conditional
update of its row: of two that meet, the one that comes second finds that it is not open.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import crypto, cursors, db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from tenants.directory import TenantRestricted
from tenants.founding import Contract

MAX_OPEN_INVITATIONS: Final = 100
MAX_DAYS: Final = 30

_PARENT = "select stands(status) from tenants where id = $1 for no key update"
_ABOUT: Final = "child tenant invitations"

_IS_OPEN = "child_id is null and withdrawn_at is null and expires_at > platform_now()"
_OPEN = f"select count(*) from tenant_invitations where tenant_id = $1 and {_IS_OPEN}"
_WRITE = """
insert into tenant_invitations (tenant_id, id, token_hash, on_parent_loss, settlement_mode,
                                created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, platform_now() + $7::interval) returning expires_at
"""
_CONTRACT = f"""
select id, on_parent_loss, settlement_mode from tenant_invitations
where token_hash = $1 and tenant_id = $2 and {_IS_OPEN}
"""
# Who comes second waits for the row, and finds that it is taken or withdrawn.
_TAKE = """
update tenant_invitations set child_id = $2
where id = $1 and child_id is null and withdrawn_at is null
"""
_WITHDRAW = f"""
update tenant_invitations set withdrawn_at = platform_now()
where tenant_id = $1 and id = $2 and {_IS_OPEN}
"""
_PAGE = f"""
select id, on_parent_loss, settlement_mode, created_at, expires_at from tenant_invitations
where tenant_id = $1 and {_IS_OPEN} and ($2::uuid is null or id < $2)
order by id desc limit $3
"""


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation: its token, readable this once, and when it ends."""

    id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that is still good, and what it promises."""

    id: UUID
    contract: Contract


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation that nobody has taken yet, as its parent sees it."""

    id: UUID
    contract: Contract
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """Some of a parent's open invitations, the newest first, each with its cursor."""

    rows: tuple[OpenInvitation, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def invite(*, parent_id: UUID, contract: Contract, days: int, actor: str) -> Invited:
    """Make an invitation to open a shop below this one.

    Raises `Invalid` for a time outside of its bounds or when a hundred invitations are open.
    """
    if not 1 <= days <= MAX_DAYS:
        raise Invalid(f"An invitation is good for 1 to {MAX_DAYS} days.", field="days")
    invitation_id, token = new_id(), crypto.new_token("kmi")
    async with db.transaction(db.core_scope(parent_id)):
        if not await db.fetch_value(_PARENT, parent_id):
            raise TenantRestricted("No shop can be opened here at the moment.")
        if await db.fetch_value(_OPEN, parent_id) >= MAX_OPEN_INVITATIONS:
            raise Invalid(f"At most {MAX_OPEN_INVITATIONS} invitations are open at a time.")
        expires_at: datetime = await db.fetch_value(
            _WRITE,
            parent_id,
            invitation_id,
            crypto.token_hash(token),
            contract.on_parent_loss,
            contract.settlement_mode,
            actor,
            timedelta(days=days),
        )
    return Invited(invitation_id, token, expires_at)


async def open_invitations(
    parent_id: UUID, *, first: int | None, after: str | None
) -> InvitationPage:
    """A page of what is offered and not yet taken, the newest first.

    Raises `Invalid` for a page size or a cursor that is none.
    """
    size = cursors.page_size(first)
    mark = cursors.read(after, tenant_id=parent_id, about=_ABOUT)
    place = UUID(mark[0]) if mark else None
    rows = await db.read(db.core_scope(parent_id), _PAGE, parent_id, place, size + 1)
    shown = tuple(
        OpenInvitation(
            row["id"],
            Contract(row["on_parent_loss"], row["settlement_mode"]),
            row["created_at"],
            row["expires_at"],
        )
        for row in rows[:size]
    )
    marks = [cursors.write([str(one.id)], tenant_id=parent_id, about=_ABOUT) for one in shown]
    return InvitationPage(shown, tuple(marks), len(rows) > size)


async def withdraw(*, parent_id: UUID, invitation_id: UUID) -> None:
    """End an open invitation: nobody takes it any more.

    Raises `NotFound` alike for one that is not open and for another parent's.
    """
    async with db.transaction(db.core_scope(parent_id)):
        if not await db.execute(_WITHDRAW, parent_id, invitation_id):
            raise NotFound("There is no such invitation.", field="invitationId")


async def read(token: str, *, parent_id: UUID) -> Invitation:
    """Find the invitation behind a token, in the open transaction.

    Raises `NotFound` alike for one that is unknown, another parent's, expired, taken,
    or withdrawn.
    """
    row = await db.fetch_row(_CONTRACT, crypto.token_hash(token[:100]), parent_id)
    if row is None:
        raise _no_longer_good()
    return Invitation(row["id"], Contract(row["on_parent_loss"], row["settlement_mode"]))


async def take(invitation: Invitation, *, child_id: UUID) -> None:
    """Spend an invitation on a tenant that was just written, in the same transaction.

    Raises `NotFound` when somebody else was first, or it was withdrawn meanwhile.
    """
    if not await db.execute(_TAKE, invitation.id, child_id):
        raise _no_longer_good()


def _no_longer_good() -> NotFound:
    return NotFound("This invitation is not good, or no more.", field="token")
