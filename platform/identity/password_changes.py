"""A new password: whoever knows the old one sets it, and every other session ends."""

from typing import Final
from uuid import UUID

from identity.attempts import count_attempt, forgive
from identity.models import TokenKind
from identity.passwords import hash_password, verify_password
from identity.sign_in import ACCOUNT_ATTEMPTS, WINDOW_SECONDS, WrongCredentials
from identity.tokens import forget_tokens
from kernel import crypto, db

# A staff login is global: it has the same password in every shop for which its holder works, and
# its sessions are in all of them.
_STORED: Final = {
    TokenKind.CUSTOMER: "select password_hash from customers where id = $1",
    TokenKind.STAFF: "select password_hash from staff_users where id = $1",
}
_WRITE: Final = {
    TokenKind.CUSTOMER: """update customers set password_hash = $2
                           where id = $1 and ($3::text is null or password_hash = $3)""",
    TokenKind.STAFF: """update staff_users set password_hash = $2
                        where id = $1 and ($3::text is null or password_hash = $3)""",
}
_SESSIONS: Final = {
    TokenKind.CUSTOMER: ["CUSTOMER"],
    TokenKind.STAFF: ["STAFF", "OPERATOR"],
}
_END_SESSIONS: Final = """
update access_tokens set revoked_at = platform_now()
where principal_id = $1 and kind = any ($2::text[]) and token_hash is distinct from $3
  and revoked_at is null
"""
_END_LINKS: Final = """
update password_resets set ended_at = platform_now()
where (customer_id = $1 or staff_id = $1) and ended_at is null
"""


async def change_password(
    *, tenant_id: UUID, kind: TokenKind, principal_id: UUID, current: str, new: str, token: str
) -> None:
    """Set a new password for whoever shows the current one; only the session of `token` goes on.

    Raises `WrongCredentials`, also when the password was changed at the same moment, `Invalid` for
    a new password that is too short or too long, and `RateLimited` after 5 wrong ones in a quarter
    of an hour.
    """
    attempt = await count_attempt(
        scope="password-change",
        subject=f"{kind}:{principal_id}",
        limit=ACCOUNT_ATTEMPTS,
        window_seconds=WINDOW_SECONDS,
    )
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        stored: str | None = await db.fetch_value(_STORED[kind], principal_id)
    if not await verify_password(current, password_hash=stored):
        raise _wrong()
    new_hash = await hash_password(new, field="newPassword")
    async with db.transaction(scope_of_change(kind, tenant_id)):
        await forgive(attempt)
        if not await write_password(
            kind, principal_id, new_hash, instead_of=stored, but_for=crypto.token_hash(token)
        ):
            raise _wrong()
    forget_tokens()


def scope_of_change(kind: TokenKind, tenant_id: UUID) -> db.Scope:
    """In which a password is written: with it end links that were asked for in other shops."""
    if kind is TokenKind.STAFF:
        return db.every_tenant(reason="a staff login is global, and so is its new password")
    return db.core_scope(tenant_id)


async def write_password(
    kind: TokenKind,
    principal_id: UUID,
    new_hash: str,
    *,
    instead_of: str | None = None,
    but_for: bytes | None = None,
) -> bool:
    """Write a password in the open transaction, and end what the old one has opened: all sessions
    `but_for` one, and all links that would set another.

    Returns False, and has written nothing, where the stored one is not `instead_of`. The account's
    row is locked first: a sign-in either sees the new password, or its token is ended here.
    """
    if not await db.execute(_WRITE[kind], principal_id, new_hash, instead_of):
        return False
    await db.execute(_END_SESSIONS, principal_id, _SESSIONS[kind], but_for)
    await db.execute(_END_LINKS, principal_id)
    return True


def _wrong() -> WrongCredentials:
    return WrongCredentials("The current password is wrong.", field="currentPassword")
