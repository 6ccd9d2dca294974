"""Staff sign in to one tenant: a login is global, and a token is good where it was asked for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.attempts import Attempt, count_attempt, forgive, subscriber
from identity.contact import spelling
from identity.models import AccountStatus, StaffRole, TokenKind
from identity.passwords import verify_password
from identity.sign_in import (
    ACCOUNT_ATTEMPTS,
    ADDRESS_ATTEMPTS,
    WINDOW_SECONDS,
    AccountFrozen,
    WrongCredentials,
)
from identity.staff_accounts import staff_account
from identity.tokens import write_token
from kernel import crypto, db
from kernel.errors import Invalid

TOKEN_SECONDS = 12 * 3600
"""A working day: staff see other people's affairs."""
_NOBODYS_INDEX = crypto.token_hash("no account at all")


@dataclass(frozen=True, slots=True)
class StaffSignedIn:
    """A new token of a member, readable this once."""

    token: str
    staff_id: UUID
    roles: tuple[StaffRole, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """What a sign-in needs to know of a login; all None for one that is not there."""

    id: UUID | None = None
    password_hash: str | None = None


async def staff_sign_in(*, tenant_id: UUID, account: str, password: str, ip: str) -> StaffSignedIn:
    """Exchange an account and its password for a token of one tenant, good for 12 hours.

    An unknown account, a wrong password and a login that has no work in this tenant get the same
    answer (`WrongCredentials`) after the same work. At most 5 wrong passwords an account and 30 an
    address are evaluated in 15 minutes, over all tenants together. Raises `AccountFrozen` and
    `RateLimited`, too.
    """
    attempts = await count_guesses(account=account, ip=ip)
    login = await find_login(account)
    matches = await verify_password(password, password_hash=login.password_hash)
    if login.id is None or not matches:
        raise wrong_credentials()
    async with db.transaction(db.core_scope(tenant_id)):
        return await admit(tenant_id, login.id, attempts, proved=login.password_hash)


async def count_guesses(*, account: str, ip: str) -> list[Attempt]:
    """Count an attempt on a login, by its address and by its account, before it is evaluated."""
    by_address = await count_attempt(
        scope="staff-sign-in:address",
        subject=subscriber(ip),
        limit=ADDRESS_ATTEMPTS,
        window_seconds=WINDOW_SECONDS,
    )
    by_account = await count_attempt(
        scope="staff-sign-in:account",
        subject=spelling(account),
        limit=ACCOUNT_ATTEMPTS,
        window_seconds=WINDOW_SECONDS,
    )
    return [by_address, by_account]


async def find_login(account: str) -> Login:
    """Find a login, by a statement that is the same for every spelling, known or not."""
    try:
        index = staff_account(account).index
    except Invalid:
        index = _NOBODYS_INDEX
    rows = await db.read(
        db.core_scope(),
        """select id, password_hash from staff_users
           where account_index = $1 and password_hash is not null""",
        index,
    )
    return Login(rows[0]["id"], rows[0]["password_hash"]) if rows else Login()


async def admit(
    tenant_id: UUID, staff_id: UUID, honest: list[Attempt], *, proved: str | None
) -> StaffSignedIn:
    """Give a member a token in the open transaction.

    `proved` is the hash of the password that was shown; None for a login that was just made. Raises
    `WrongCredentials` for who is no member, or has another password by now, and `AccountFrozen`.
    """
    # The lock makes a removal, and a new password, either see this token, and revoke it, or be seen
    # here.
    member = await db.fetch_row(
        """select membership.roles, person.status, person.password_hash from memberships membership
           join staff_users person on person.id = membership.staff_id
           where membership.tenant_id = current_tenant_id() and membership.staff_id = $1
           for share of membership, person""",
        staff_id,
    )
    if member is None or proved not in (None, member["password_hash"]):
        raise wrong_credentials()
    if member["status"] != AccountStatus.ACTIVE:
        raise AccountFrozen("This login is frozen. The platform's support can help.")
    await forgive(*honest)
    written = await write_token(
        kind=TokenKind.STAFF,
        tenant_id=tenant_id,
        principal_id=staff_id,
        ttl_seconds=TOKEN_SECONDS,
    )
    roles = tuple(StaffRole(role) for role in member["roles"])
    return StaffSignedIn(written.token, staff_id, roles, written.expires_at)


def wrong_credentials() -> WrongCredentials:
    """Make the one answer to everything that is not a member's account and password."""
    return WrongCredentials("The account or the password is wrong.")
