"""A forgotten password: a link is asked for, and is good for one new password.

Nothing is told to whoever asks. The link goes to a program of the platform's that knows how to send
mail, never to the shop's: a customer's account opens a wallet and keys that are not the shop's to
see, and a staff login opens every shop for which its holder works.

The link's token is derived from the row's id, so it stands nowhere: the row has its hash, and the
message is written when it is sent (docs/decisions/0051).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from identity.attempts import count_attempt, subscriber
from identity.contact import ContactKind, open_field, recognised, spelling
from identity.models import TokenKind
from identity.password_changes import scope_of_change, write_password
from identity.passwords import hash_password
from identity.staff_accounts import LOGINS, StaffAccount, opened_account
from identity.tokens import forget_tokens
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id, parse_id, public_id
from tenants.directory import Shop

LINK_SECONDS: Final = 30 * 60
ASKED_AN_ACCOUNT: Final = 3
ASKED_AN_ADDRESS: Final = 20
WINDOW_SECONDS: Final = 3600
_LONGEST_TOKEN: Final = 100  # characters

_OF_CUSTOMER: Final = """
select id as customer_id, null::uuid as staff_id from customers
where tenant_id = current_tenant_id() and status = 'ACTIVE'
  and (email_index = $1 or phone_index = $1)
"""
_OF_STAFF: Final = """
select null::uuid as customer_id, person.id as staff_id
from staff_users person join memberships membership on membership.staff_id = person.id
where membership.tenant_id = current_tenant_id() and person.status = 'ACTIVE'
  and person.account_index = $1
"""
# One statement for every account, known or not.
_ASK: Final = """
with person as ({whose}), written as (
    insert into password_resets (tenant_id, id, customer_id, staff_id, contact_kind, origin,
                                 token_hash, expires_at)
    select current_tenant_id(), $2, person.customer_id, person.staff_id, $3, $4, $5,
           platform_now() + make_interval(secs => $6)
    from person returning id
)
select tell_tenant($7, 'password.reset_asked', 'password', written.id, null, $8::text::jsonb)
from written
"""
_OPEN: Final = "ended_at is null and expires_at > platform_now()"


class LinkEnded(NotFound):
    """The link was never ours, was used, or its time is over: the answers are the same."""


@dataclass(frozen=True, slots=True)
class ResetMessage:
    """What a mailer has to know. `link` is None once the link is good no more."""

    login: TokenKind
    account_kind: ContactKind
    account: str
    link: str | None
    expires_at: datetime


async def ask_for_reset(
    *, shop: Shop, login: TokenKind, account: str, ip: str, origin: str
) -> None:
    """Send the holder of an account a link, if there is such an account.

    `origin` is an address of the shop's pages that the platform answers at, not a domain of the
    shop's own: whoever leads that elsewhere would be sent the links. Raises `RateLimited`, by
    the account as it was written and by the asker's address, and says nothing else.
    """
    await _count(shop, login, account, ip)
    kind, index = _index(login, account)
    reset_id = new_id()
    is_staff = login is TokenKind.STAFF
    async with db.transaction(db.core_scope(shop.id)):
        await db.execute(
            _ASK.format(whose=_OF_STAFF if is_staff else _OF_CUSTOMER),
            index,
            reset_id,
            kind,
            origin,
            crypto.token_hash(_token(reset_id)),
            float(LINK_SECONDS),
            shop.path[0],
            orjson.dumps({"shopId": public_id("ten", shop.id)}).decode(),
        )


async def reset_password(*, tenant_id: UUID, token: str, new: str) -> None:
    """Set a new password with a link's token; every session of the account ends, and every link.

    Of many who use the same link at once one succeeds. Raises `LinkEnded`, and `Invalid` for a
    password that is too short or too long: then the link is as good as before.
    """
    if not token.isascii() or len(token) > _LONGEST_TOKEN:
        raise _ended()
    hashed = crypto.token_hash(token)
    rows = await db.read(
        db.core_scope(tenant_id),
        f"""select id, customer_id, staff_id from password_resets
            where token_hash = $1 and tenant_id = $2 and {_OPEN}""",
        hashed,
        tenant_id,
    )
    if not rows:
        raise _ended()
    login, principal_id = _whose(rows[0])
    new_hash = await hash_password(new, field="newPassword")
    async with db.transaction(scope_of_change(login, tenant_id)):
        await use_link(rows[0]["id"])
        await write_password(login, principal_id, new_hash)
    forget_tokens()


async def use_link(reset_id: UUID) -> None:
    """End a link in the open transaction; `LinkEnded` where somebody was quicker."""
    if not await db.execute(
        f"update password_resets set ended_at = platform_now() where id = $1 and {_OPEN}", reset_id
    ):
        raise _ended()


async def reset_message(facts: Mapping[str, Any], reset_id: UUID) -> ResetMessage | None:
    """What the message about a link says now; None where it is forgotten already."""
    shop_id = parse_id("ten", facts["shopId"])
    rows = await db.read(
        db.core_scope(shop_id),
        f"""select reset.customer_id, reset.staff_id, reset.contact_kind, reset.origin,
                   reset.expires_at, {_OPEN} as is_open,
                   case when reset.staff_id is not null then person.account
                        when reset.contact_kind = 'email' then customer.email
                        else customer.phone end as sealed,
                   coalesce(person.data_key_id, customer.data_key_id) as key_id
            from password_resets reset
            left join customers customer on (customer.tenant_id, customer.id)
                                            = (reset.tenant_id, reset.customer_id)
            left join staff_users person on person.id = reset.staff_id
            where reset.id = $1""",
        reset_id,
    )
    if not rows or rows[0]["sealed"] is None:
        return None
    row = rows[0]
    login, principal_id = _whose(row)
    kind, sealed = ContactKind(row["contact_kind"]), Sealed(row["key_id"], row["sealed"])
    if login is TokenKind.STAFF:
        account = opened_account(sealed, principal_id, column=LOGINS)
    else:
        account = open_field(sealed, row_id=principal_id, column=f"customers.{kind}")
    link = f"{row['origin']}/reset?t={_token(reset_id)}" if row["is_open"] else None
    return ResetMessage(login, kind, account, link, row["expires_at"])


async def forget_old_resets(most: int) -> int:
    """Delete up to `most` links that ended a month ago; says how many."""
    async with db.transaction(db.every_tenant(reason="forget old links for new passwords")):
        return await db.execute(
            """delete from password_resets
               where ctid in (select ctid from password_resets
                              where expires_at < platform_now() - interval '30 days' limit $1)""",
            most,
        )


async def _count(shop: Shop, login: TokenKind, account: str, ip: str) -> None:
    await count_attempt(
        scope="password-reset:address",
        subject=f"{shop.id}:{subscriber(ip)}",
        limit=ASKED_AN_ADDRESS,
        window_seconds=WINDOW_SECONDS,
    )
    await count_attempt(
        scope="password-reset:account",
        subject=f"{login}:{'' if login is TokenKind.STAFF else shop.id}:{spelling(account)}",
        limit=ASKED_AN_ACCOUNT,
        window_seconds=WINDOW_SECONDS,
    )


def _index(login: TokenKind, account: str) -> tuple[ContactKind, bytes]:
    """What finds the account; of a text that is no account, nobody's."""
    try:
        kind, value = recognised(account)
    except Invalid:
        return ContactKind.EMAIL, crypto.token_hash("no account at all")
    if login is TokenKind.STAFF:
        return kind, StaffAccount(kind, value).index
    return kind, crypto.blind_index(kind, value)


def _token(reset_id: UUID) -> str:
    return crypto.derived_token("kmp", f"password-reset:{reset_id}")


def _whose(row: Mapping[str, Any]) -> tuple[TokenKind, UUID]:
    if row["staff_id"] is not None:
        return TokenKind.STAFF, row["staff_id"]
    return TokenKind.CUSTOMER, row["customer_id"]


def _ended() -> LinkEnded:
    return LinkEnded("This link is not good any more: ask for a new one.", field="token")
