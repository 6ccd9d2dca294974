"""Bearer tokens: opaque to whoever holds them, a hash to us, gone when revoked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from identity.client_networks import caller_address
from identity.models import StaffRole, TokenKind
from identity.token_memory import TokenMemory
from kernel import crypto, db

PREFIXES = {
    TokenKind.CUSTOMER: "kmc",
    TokenKind.STAFF: "kms",
    TokenKind.API_CLIENT: "kma",
    TokenKind.AFFILIATE: "kmf",
    TokenKind.SUPPLIER: "kmu",
    TokenKind.OPERATOR: "kmo",
}
_KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}
_WITHOUT_SHOP = (TokenKind.SUPPLIER, TokenKind.OPERATOR)
_LONGEST_TOKEN = 100  # characters
KEPT_FOR = timedelta(days=30)
"""How long a token that has ended can still be looked at by whoever examines what happened."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token speaks for. Roles are a staff member's, scopes an API client's."""

    kind: TokenKind
    tenant_id: UUID | None
    principal_id: UUID
    roles: frozenset[StaffRole] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class WrittenToken:
    """A token just made, readable this once, and when it ends."""

    token: str
    expires_at: datetime


async def issue_token(
    *, kind: TokenKind, tenant_id: UUID | None, principal_id: UUID, ttl_seconds: int
) -> str:
    """Make a token in a transaction of its own and return its text, once.

    The caller knows that the principal exists; a token of nobody opens nothing. A supplier's and
    an operator's belong to no tenant, every other to one (`ValueError`).
    """
    async with db.transaction(db.core_scope(tenant_id)):
        written = await write_token(
            kind=kind, tenant_id=tenant_id, principal_id=principal_id, ttl_seconds=ttl_seconds
        )
    return written.token


async def write_affiliates_token(
    *, tenant_id: UUID, affiliate_id: UUID, ttl_seconds: int
) -> WrittenToken:
    """Make a token of an affiliate's, as `write_token` does."""
    return await write_token(
        kind=TokenKind.AFFILIATE,
        tenant_id=tenant_id,
        principal_id=affiliate_id,
        ttl_seconds=ttl_seconds,
    )


async def write_token(
    *, kind: TokenKind, tenant_id: UUID | None, principal_id: UUID, ttl_seconds: int
) -> WrittenToken:
    """Make a token in the open transaction, which must be a core one.

    Raises `ValueError` as `issue_token` does, and for a lifetime that is not positive.
    """
    kind = TokenKind(kind)
    if (tenant_id is None) != (kind in _WITHOUT_SHOP) or ttl_seconds <= 0:
        raise ValueError(f"a {kind} token of tenant {tenant_id} for {ttl_seconds} seconds")
    token = crypto.new_token(PREFIXES[kind])
    expires_at: datetime = await db.fetch_value(
        """insert into access_tokens (token_hash, kind, tenant_id, principal_id, expires_at)
           values ($1, $2, $3, $4, platform_now() + $5::interval) returning expires_at""",
        crypto.token_hash(token),
        kind,
        tenant_id,
        principal_id,
        timedelta(seconds=ttl_seconds),
    )
    return WrittenToken(token, expires_at)


_memory: TokenMemory[Caller] = TokenMemory()

# One statement for every kind, so that its time says nothing about why a token is refused. It is
# the one place that asks every room whether its principal may still act: a token outlives none.
_AUTHENTICATE = """
select token.tenant_id, token.principal_id,
       coalesce(membership.roles, '{}') as roles, coalesce(client.scopes, '{}') as scopes
from access_tokens token
left join customers customer on token.kind = 'CUSTOMER'
     and (customer.tenant_id, customer.id) = (token.tenant_id, token.principal_id)
left join staff_users staff on token.kind in ('STAFF', 'OPERATOR')
     and staff.id = token.principal_id
left join memberships membership on token.kind = 'STAFF'
     and (membership.tenant_id, membership.staff_id) = (token.tenant_id, token.principal_id)
left join api_clients client on token.kind = 'API_CLIENT'
     and (client.tenant_id, client.id) = (token.tenant_id, token.principal_id)
left join affiliates affiliate on token.kind = 'AFFILIATE'
     and (affiliate.tenant_id, affiliate.id) = (token.tenant_id, token.principal_id)
left join suppliers supplier on token.kind = 'SUPPLIER' and supplier.id = token.principal_id
where token.token_hash = $1 and token.kind = $2
  and token.revoked_at is null and token.expires_at > platform_now()
  and 'ACTIVE' = coalesce(customer.status, staff.status, client.status, affiliate.status,
                          supplier.status)
  and (token.kind <> 'STAFF' or membership.staff_id is not null)
  and (client.allowed_networks is null or $3::inet <<= any (client.allowed_networks))
"""


async def authenticate(token: str, *, ip: str = "") -> Caller | None:
    """Say who holds a token, or None when nobody does any more.

    None alike for a token unknown, malformed, expired, revoked, or of another kind than its
    prefix says, for a principal that is not active, for staff without a membership, and for an
    API client that calls from an address (`ip`) outside its networks. The caller compares
    `tenant_id` with the shop that was asked.
    """
    kind = _KINDS.get(token.partition("_")[0])
    if kind is None or len(token) > _LONGEST_TOKEN:
        return None
    scope = db.every_tenant(reason="a token says which tenant it is of")
    rows = await db.read(scope, _AUTHENTICATE, crypto.token_hash(token), kind, caller_address(ip))
    if not rows:
        return None
    (row,) = rows
    return Caller(
        kind=kind,
        tenant_id=row["tenant_id"],
        principal_id=row["principal_id"],
        roles=frozenset(StaffRole(role) for role in row["roles"]),
        scopes=frozenset(row["scopes"]),
    )


async def recognise(token: str, *, ip: str = "") -> tuple[Caller | None, bool]:
    """Say who holds a token, and whether it said so from memory.

    Only customers are remembered: everybody else sees others' affairs, and loses that at once.
    What is remembered is good for reading only. Whoever changes anything asks anew, or lets the
    statement ask that makes the change.
    """
    token_hash = crypto.token_hash(token)
    known = _memory.recall(token_hash)
    if known is not None:
        return known, True
    asked_at = _memory.now()
    caller = await authenticate(token, ip=ip)
    if caller is not None and caller.kind is TokenKind.CUSTOMER:
        _memory.note(token_hash, caller, asked_at=asked_at)
    return caller, False


def forget_tokens() -> None:
    """Make this process ask for every token anew: call it when one has ended."""
    _memory.forget()


async def delete_old_tokens(most: int) -> int:
    """Delete up to `most` tokens that ended `KEPT_FOR` ago or earlier; says how many.

    Who gave or took a right is noted elsewhere: a token that opens nothing is no evidence.
    """
    async with db.transaction(db.core_scope()):
        return await db.execute(
            """delete from access_tokens
               where ctid in (select ctid from access_tokens
                              where least(expires_at, revoked_at) < platform_now() - $2::interval
                              limit $1)""",
            most,
            KEPT_FOR,
        )


async def revoke_token(token: str) -> None:
    """End a token now; for one that is unknown or ended it does nothing."""
    async with db.transaction(db.core_scope()):
        await db.execute(
            """update access_tokens set revoked_at = platform_now()
               where token_hash = $1 and revoked_at is null""",
            crypto.token_hash(token),
        )
    forget_tokens()
