"""Invitations to a tenant's staff: a token that is good once, for one account, for a week."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from asyncpg import UniqueViolationError

from identity import staff_events
from identity.models import StaffEventKind, StaffRole
from identity.passwords import hash_password, verify_password
from identity.rights import Giver, changing_people, columns_of, lock_people
from identity.staff import checked_name, checked_roles
from identity.staff_accounts import INVITATIONS, LOGINS, StaffAccount, opened_account, staff_account
from identity.staff_sign_in import (
    StaffSignedIn,
    admit,
    count_guesses,
    find_login,
    wrong_credentials,
)
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id

LIFETIME: Final = timedelta(days=7)
MOST_PEOPLE: Final = 100
"""Members and open invitations of one tenant."""
PREFIX: Final = "kmi"
LONGEST_TOKEN: Final = 100  # characters

_OPEN = """tenant_id = current_tenant_id() and outcome is null
           and expires_at > platform_now()"""


class InvitationEnded(NotFound):
    """No such invitation in this shop, or it was accepted, withdrawn, or is too old."""


class TryAgain(Refusal):
    """Somebody else has changed the same at the same moment."""

    code = "VALIDATION"


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation; its token is readable this once."""

    id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation that nobody has accepted yet."""

    id: UUID
    account: str
    roles: tuple[StaffRole, ...]
    expires_at: datetime


async def invite(
    *, tenant_id: UUID, giver: Giver, account: str, roles: Collection[StaffRole]
) -> Invited:
    """Offer somebody a place on the staff. An older invitation of the same account ends.

    Whether the account has a login anywhere is not said. Raises `Forbidden` for roles beyond the
    giver's own rights, `Invalid` without a role, for a malformed account, for a member, and for
    more than 100 people.
    """
    invited, words = staff_account(account), checked_roles(roles)
    invitation_id, token = new_id(), crypto.new_token(PREFIX)
    sealed = invited.sealed_for(invitation_id, column=INVITATIONS)
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        held.require(columns_of(words))
        await _require_room(invited)
        await db.execute(
            """update staff_invitations set outcome = 'REPLACED'
               where tenant_id = current_tenant_id() and account_index = $1
                 and outcome is null""",
            invited.index,
        )
        expires_at: datetime = await db.fetch_value(
            """insert into staff_invitations (tenant_id, id, account, account_index, data_key_id,
                                              roles, token_hash, invited_by, expires_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, platform_now() + $9::interval)
               returning expires_at""",
            tenant_id,
            invitation_id,
            sealed.ciphertext,
            invited.index,
            sealed.key_id,
            words,
            crypto.token_hash(token),
            giver.staff_id,
            LIFETIME,
        )
        await staff_events.note(
            tenant_id=tenant_id,
            actor=giver.actor,
            kind=StaffEventKind.INVITED,
            subject_id=invitation_id,
            after=words,
        )
    return Invited(invitation_id, token, expires_at)


async def _require_room(invited: StaffAccount) -> None:
    """Raise `Invalid` for a member, or when there are too many people; under the lock."""
    row = await db.fetch_row(
        f"""select (select count(*) from memberships where tenant_id = current_tenant_id())
                   + (select count(*) from staff_invitations
                      where {_OPEN} and account_index <> $1) as people,
                   exists (select from memberships membership
                           join staff_users person on person.id = membership.staff_id
                           where membership.tenant_id = current_tenant_id()
                             and person.account_index = $1) as is_member""",
        invited.index,
    )
    assert row is not None
    if row["is_member"]:
        raise Invalid("This person is a member already: set the roles.", field="account")
    if row["people"] >= MOST_PEOPLE:
        raise Invalid(f"At most {MOST_PEOPLE} members and invitations.", field="account")


async def withdraw(*, tenant_id: UUID, giver: Giver, invitation_id: UUID) -> None:
    """End an open invitation; `NotFound` for one that is not open, or another tenant's."""
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        roles = await db.fetch_value(
            f"select roles from staff_invitations where id = $1 and {_OPEN}", invitation_id
        )
        if roles is None:
            raise NotFound("There is no such invitation.", field="invitationId")
        held.require(columns_of(roles))
        await db.execute(
            f"update staff_invitations set outcome = 'WITHDRAWN' where id = $1 and {_OPEN}",
            invitation_id,
        )
        await staff_events.note(
            tenant_id=tenant_id,
            actor=giver.actor,
            kind=StaffEventKind.INVITATION_WITHDRAWN,
            subject_id=invitation_id,
            before=roles,
        )


async def end_invitations_of(staff_id: UUID) -> None:
    """End what a member has offered, in the transaction in which that member's rights end."""
    await db.execute(
        """update staff_invitations set outcome = 'WITHDRAWN'
           where tenant_id = current_tenant_id() and invited_by = $1 and outcome is null""",
        staff_id,
    )


async def accept(
    *, tenant_id: UUID, token: str, password: str, name: str, ip: str
) -> StaffSignedIn:
    """Take an offered place and sign in.

    Whoever has no login yet gets one, with this password and this name; whoever has one proves it
    with its password. Raises `InvitationEnded`, `WrongCredentials`, `AccountFrozen`, `RateLimited`
    and `Invalid`. After a refusal the invitation is as open as before.
    """
    checked = checked_name(name)
    offered = await _offered(tenant_id, token)
    attempts = await count_guesses(account=offered.account.value, ip=ip)
    login = await find_login(offered.account.value)
    new_hash = None
    if login.id is None:
        new_hash = await hash_password(password)
    elif not await verify_password(password, password_hash=login.password_hash):
        raise wrong_credentials()
    async with db.transaction(db.core_scope(tenant_id)):
        await lock_people(tenant_id)
        roles = await _take(offered.id)
        staff_id = login.id or await _new_login(offered.account, checked, new_hash)
        await _join(tenant_id, staff_id, roles)
        return await admit(tenant_id, staff_id, attempts, proved=login.password_hash)


@dataclass(frozen=True, slots=True)
class _Offered:
    id: UUID
    account: StaffAccount


async def _offered(tenant_id: UUID, token: str) -> _Offered:
    if not token.isascii() or len(token) > LONGEST_TOKEN:
        raise _ended()
    rows = await db.read(
        db.core_scope(tenant_id),
        f"""select id, account, data_key_id from staff_invitations
            where token_hash = $1 and {_OPEN}""",
        crypto.token_hash(token),
    )
    if not rows:
        raise _ended()
    [row] = rows
    sealed = Sealed(row["data_key_id"], row["account"])
    return _Offered(row["id"], staff_account(opened_account(sealed, row["id"], column=INVITATIONS)))


async def _take(invitation_id: UUID) -> list[str]:
    """Use the invitation up, and say what it was for."""
    roles: list[str] | None = await db.fetch_value(
        f"""update staff_invitations set outcome = 'ACCEPTED' where id = $1 and {_OPEN}
            returning roles""",
        invitation_id,
    )
    if roles is None:
        raise _ended()
    return roles


async def _new_login(account: StaffAccount, name: str, password_hash: str | None) -> UUID:
    staff_id = new_id()
    sealed = account.sealed_for(staff_id, column=LOGINS)
    try:
        await db.execute(
            """insert into staff_users (id, name, account, account_index, data_key_id,
                                        password_hash)
               values ($1, $2, $3, $4, $5, $6)""",
            staff_id,
            name,
            sealed.ciphertext,
            account.index,
            sealed.key_id,
            password_hash,
        )
    except UniqueViolationError:
        raise TryAgain("This was changed at the same moment: try again.") from None
    return staff_id


async def _join(tenant_id: UUID, staff_id: UUID, roles: list[str]) -> None:
    await db.execute(
        """insert into memberships (tenant_id, staff_id, roles) values ($1, $2, $3)
           on conflict (tenant_id, staff_id) do update set roles = excluded.roles""",
        tenant_id,
        staff_id,
        roles,
    )
    await staff_events.note(
        tenant_id=tenant_id,
        actor=f"staff:{staff_id}",
        kind=StaffEventKind.JOINED,
        subject_id=staff_id,
        after=roles,
    )


def _ended() -> InvitationEnded:
    return InvitationEnded("This invitation has ended: ask for a new one.", field="token")


async def open_invitations(tenant_id: UUID) -> list[OpenInvitation]:
    """List what is offered and not yet taken, the newest first."""
    rows = await db.read(
        db.core_scope(tenant_id),
        f"""select id, account, data_key_id, roles, expires_at from staff_invitations
            where {_OPEN} order by created_at desc, id desc limit $1""",
        MOST_PEOPLE,
    )
    return [
        OpenInvitation(
            row["id"],
            opened_account(
                Sealed(row["data_key_id"], row["account"]), row["id"], column=INVITATIONS
            ),
            tuple(StaffRole(role) for role in row["roles"]),
            row["expires_at"],
        )
        for row in rows
    ]
