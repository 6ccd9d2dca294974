"""Sign up, sign in, sign out: how a customer gets a token and gives it back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.attempts import Attempt, count_attempt, count_opening, forgive, subscriber
from identity.contact import recognised, spelling
from identity.customers import create_customer
from identity.models import AccountStatus, TokenKind
from identity.passwords import verify_password
from identity.tokens import revoke_token, write_token
from kernel import crypto, db
from kernel.errors import Invalid, Refusal

TOKEN_SECONDS = 30 * 24 * 3600
WINDOW_SECONDS = 15 * 60
ACCOUNT_ATTEMPTS = 5
# Of one address, over all accounts. Whole dormitories stand behind one: honest sign-ins are
# forgiven, and the limit is above what their mistypings add up to.
ADDRESS_ATTEMPTS = 30
ACCOUNTS_AN_ADDRESS = 100
"""How many accounts one address opens in a shop in an hour."""


class WrongCredentials(Refusal):
    """No such account in this shop, or not its password: the two answers are the same."""

    code = "FORBIDDEN"


class AccountFrozen(Refusal):
    """The password is right and the account is frozen; only its holder gets to know."""

    code = "ACCOUNT_FROZEN"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A customer's new token, readable this once."""

    token: str
    customer_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Account:
    """What a sign-in needs to know of an account; all None for one that is not there."""

    id: UUID | None = None
    password_hash: str | None = None


async def sign_up(
    *,
    tenant_id: UUID,
    ip: str,
    password: str,
    name: str = "",
    email: str | None = None,
    phone: str | None = None,
) -> SignedIn:
    """Open a customer's account in a shop and sign the customer in.

    Raises `Invalid` without a contact or for a malformed one, `ContactTaken`, and `RateLimited`
    when an address asks too often for details that are taken (30 in 15 minutes), or opens too many
    accounts (100 in an hour).
    """
    if not email and not phone:
        raise Invalid("An account needs an e-mail address or a phone number.", field="email")
    attempt = await _count_address(tenant_id, ip, purpose="sign-up")
    await count_opening(what="account", tenant_id=tenant_id, ip=ip, limit=ACCOUNTS_AN_ADDRESS)
    customer_id = await create_customer(
        tenant_id=tenant_id, name=name, email=email, phone=phone, password=password
    )
    return await _signed_in(tenant_id, customer_id, [attempt])


async def sign_in(*, tenant_id: UUID, account: str, password: str, ip: str) -> SignedIn:
    """Exchange an e-mail address or phone number and its password for a token.

    An unknown account takes the work of a known one. At most 5 wrong passwords an account and 30
    an address are evaluated in 15 minutes, however many come at once. Raises `WrongCredentials`,
    `AccountFrozen` and `RateLimited`; the token lives 30 days.
    """
    by_address = await _count_address(tenant_id, ip, purpose="sign-in")
    by_account = await count_attempt(
        scope="sign-in:account",
        subject=f"{tenant_id}:{spelling(account)}",
        limit=ACCOUNT_ATTEMPTS,
        window_seconds=WINDOW_SECONDS,
    )
    found = await _find(tenant_id, account)
    matches = await verify_password(password, password_hash=found.password_hash)
    if found.id is None or not matches:
        raise WrongCredentials("The account or the password is wrong.")
    return await _signed_in(
        tenant_id, found.id, [by_address, by_account], proved=found.password_hash
    )


async def sign_out(token: str) -> None:
    """End the token; signing out twice does nothing more."""
    await revoke_token(token)


async def _signed_in(
    tenant_id: UUID, customer_id: UUID, honest: list[Attempt], *, proved: str | None = None
) -> SignedIn:
    """`proved` is the hash of the password that was shown: it must be the account's still."""
    async with db.transaction(db.core_scope(tenant_id)):
        # The lock makes a freeze, and a new password, either see this token, and revoke it, or be
        # seen here.
        account = await db.fetch_row(
            "select status, password_hash from customers where id = $1 for share", customer_id
        )
        if account is None or proved not in (None, account["password_hash"]):
            raise WrongCredentials("The account or the password is wrong.")
        await forgive(*honest)
        written = await write_token(
            kind=TokenKind.CUSTOMER,
            tenant_id=tenant_id,
            principal_id=customer_id,
            ttl_seconds=TOKEN_SECONDS,
        )
        if account["status"] != AccountStatus.ACTIVE:
            raise AccountFrozen("This account is frozen. The shop's support can help.")
    return SignedIn(written.token, customer_id, written.expires_at)


async def _find(tenant_id: UUID, account: str) -> _Account:
    """The account, by a statement that is the same for every spelling, known or not."""
    try:
        kind, value = recognised(account)
    except Invalid:
        kind, value = None, ""
    index = crypto.blind_index(kind or "none", value)
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        row = await db.fetch_row(
            """select id, password_hash from customers
               where tenant_id = current_tenant_id() and password_hash is not null
                 and (email_index = $1 or phone_index = $1)""",
            index,
        )
    return _Account(row["id"], row["password_hash"]) if row else _Account()


async def _count_address(tenant_id: UUID, ip: str, *, purpose: str) -> Attempt:
    return await count_attempt(
        scope=f"{purpose}:address",
        subject=f"{tenant_id}:{subscriber(ip)}",
        limit=ADDRESS_ATTEMPTS,
        window_seconds=WINDOW_SECONDS,
    )
