"""Programs that act for a tenant: their scopes, the networks they come from, their secrets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from identity import staff_events
from identity.client_networks import Network, read_networks
from identity.models import ApiClientStatus, ApiScope, StaffEventKind, TokenKind
from identity.rights import Giver, changing_people
from identity.staff import checked_name
from identity.tokens import WrittenToken, write_token
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id

MOST_CLIENTS: Final = 50
LONGEST_LIFETIME_DAYS: Final = 730
LONGEST_OVERLAP_HOURS: Final = 168
_DAY_SECONDS: Final = 24 * 3600

# The newest secret lives on for the overlap, and whatever is older ends: with the new one that
# makes two. Who rotates at the same moment waits at the lock, and so sees this new one.
_MAKE_ROOM: Final = """
with live as (
    select token_hash, row_number() over (order by created_at desc, token_hash) as age
    from access_tokens
    where principal_id = $1 and kind = 'API_CLIENT' and revoked_at is null
      and expires_at > platform_now()
)
update access_tokens secret
set revoked_at = case when live.age > 1 or $2::interval = interval '0' then platform_now() end,
    expires_at = least(secret.expires_at, platform_now() + $2::interval)
from live where live.token_hash = secret.token_hash
"""


_COUNT_CLIENTS: Final = """
select count(*) from api_clients where tenant_id = current_tenant_id() and status = 'ACTIVE'
"""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A program's new secret, readable this once."""

    client_id: UUID
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A secret that is good now, without its text."""

    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClientView:
    """A program as its tenant sees it. `allowed_networks` is None for "from anywhere"."""

    id: UUID
    name: str
    scopes: tuple[ApiScope, ...]
    allowed_networks: tuple[str, ...] | None
    status: ApiClientStatus
    created_at: datetime
    last_used_at: datetime | None
    secrets: tuple[LiveSecret, ...]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a program shall be, checked."""

    name: str
    scopes: list[str]
    networks: list[Network] | None


async def create_client(
    *,
    tenant_id: UUID,
    giver: Giver,
    name: str,
    scopes: Collection[str],
    allowed_networks: Collection[str] | None,
    lifetime_days: int,
) -> ClientSecret:
    """Register a program and make its first secret.

    Raises `Forbidden` for a scope beyond the giver's own rights; `Invalid` without a name or a
    scope, for a scope or a network that is none, for an empty list of networks (None is from
    anywhere), for a lifetime outside 1 to 730 days, and for more than 50 programs.
    """
    wish = _wish(name, scopes, allowed_networks)
    lifetime_seconds = _lifetime_seconds(lifetime_days)
    client_id = new_id()
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        held.require(wish.scopes, field="scopes")
        if await db.fetch_value(_COUNT_CLIENTS) >= MOST_CLIENTS:
            raise Invalid(f"At most {MOST_CLIENTS} API clients.")
        await db.execute(
            """insert into api_clients (tenant_id, id, name, scopes, allowed_networks)
               values ($1, $2, $3, $4, $5::cidr[])""",
            tenant_id,
            client_id,
            wish.name,
            wish.scopes,
            wish.networks,
        )
        written = await _new_secret(tenant_id, client_id, lifetime_seconds)
        await _note(tenant_id, giver, StaffEventKind.CLIENT_CREATED, client_id, after=wish.scopes)
    return ClientSecret(client_id, written.token, written.expires_at)


async def update_client(
    *,
    tenant_id: UUID,
    giver: Giver,
    client_id: UUID,
    name: str,
    scopes: Collection[str],
    allowed_networks: Collection[str] | None,
) -> None:
    """Give a program exactly this name, these scopes and networks, from its next request on.

    Raises as `create_client` does, and `NotFound` for a program that is revoked or elsewhere.
    """
    wish = _wish(name, scopes, allowed_networks)
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        before = await _scopes_of(client_id)
        held.require([*before, *wish.scopes], field="scopes")
        await db.execute(
            """update api_clients set name = $2, scopes = $3, allowed_networks = $4::cidr[]
               where tenant_id = current_tenant_id() and id = $1""",
            client_id,
            wish.name,
            wish.scopes,
            wish.networks,
        )
        kind = StaffEventKind.CLIENT_UPDATED
        await _note(tenant_id, giver, kind, client_id, before=before, after=wish.scopes)


async def rotate_client(
    *, tenant_id: UUID, giver: Giver, client_id: UUID, overlap_hours: int, lifetime_days: int
) -> ClientSecret:
    """Make a new secret; the last one is good for the overlap, and every older one ends now.

    Raises `Forbidden` for a program with more rights than the giver, `Invalid` for an overlap
    outside 0 to 168 hours, `NotFound` for a program that is revoked or elsewhere.
    """
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        message = f"An overlap is 0 to {LONGEST_OVERLAP_HOURS} hours."
        raise Invalid(message, field="overlapHours")
    lifetime_seconds = _lifetime_seconds(lifetime_days)
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        scopes = await _scopes_of(client_id)
        held.require(scopes, field="clientId")
        await db.execute(_MAKE_ROOM, client_id, timedelta(hours=overlap_hours))
        written = await _new_secret(tenant_id, client_id, lifetime_seconds)
        kind = StaffEventKind.CLIENT_ROTATED
        await _note(tenant_id, giver, kind, client_id, before=scopes, after=scopes)
    return ClientSecret(client_id, written.token, written.expires_at)


async def revoke_client(*, tenant_id: UUID, giver: Giver, client_id: UUID) -> None:
    """Stop a program at once, with all its secrets; `NotFound` elsewhere and the second time."""
    async with changing_people(tenant_id=tenant_id, giver=giver) as held:
        scopes = await _scopes_of(client_id)
        held.require(scopes, field="clientId")
        await db.execute(
            """update api_clients set status = 'REVOKED'
               where tenant_id = current_tenant_id() and id = $1""",
            client_id,
        )
        await db.execute(
            """update access_tokens set revoked_at = platform_now()
               where principal_id = $1 and kind = 'API_CLIENT' and revoked_at is null""",
            client_id,
        )
        await _note(tenant_id, giver, StaffEventKind.CLIENT_REVOKED, client_id, before=scopes)


async def clients(tenant_id: UUID) -> list[ClientView]:
    """List a tenant's programs that are not revoked, the oldest first."""
    rows = await db.read(
        db.core_scope(tenant_id),
        """select client.*, used.used_at, secrets.created, secrets.expires
           from api_clients client
           left join api_client_uses used
             on (used.tenant_id, used.client_id) = (client.tenant_id, client.id)
           cross join lateral (
               select coalesce(array_agg(created_at order by created_at), '{}') as created,
                      coalesce(array_agg(expires_at order by created_at), '{}') as expires
               from access_tokens where principal_id = client.id and kind = 'API_CLIENT'
                 and revoked_at is null and expires_at > platform_now()) as secrets
           where client.tenant_id = $1 and client.status = 'ACTIVE'
           order by client.created_at, client.id limit $2""",
        tenant_id,
        MOST_CLIENTS,
    )
    return [
        ClientView(
            id=row["id"],
            name=row["name"],
            scopes=tuple(ApiScope(scope) for scope in row["scopes"]),
            allowed_networks=_written(row["allowed_networks"]),
            status=ApiClientStatus(row["status"]),
            created_at=row["created_at"],
            last_used_at=row["used_at"],
            secrets=tuple(map(LiveSecret, row["created"], row["expires"])),
        )
        for row in rows
    ]


def _written(networks: list[Network] | None) -> tuple[str, ...] | None:
    return None if networks is None else tuple(str(network) for network in networks)


async def _scopes_of(client_id: UUID) -> list[str]:
    scopes: list[str] | None = await db.fetch_value(
        """select scopes from api_clients
           where tenant_id = current_tenant_id() and id = $1 and status = 'ACTIVE' for update""",
        client_id,
    )
    if scopes is None:
        raise NotFound("There is no such API client.", field="clientId")
    return scopes


async def _new_secret(tenant_id: UUID, client_id: UUID, ttl_seconds: int) -> WrittenToken:
    return await write_token(
        kind=TokenKind.API_CLIENT,
        tenant_id=tenant_id,
        principal_id=client_id,
        ttl_seconds=ttl_seconds,
    )


async def _note(
    tenant_id: UUID,
    giver: Giver,
    kind: StaffEventKind,
    client_id: UUID,
    *,
    before: Collection[str] = (),
    after: Collection[str] = (),
) -> None:
    await staff_events.note(
        tenant_id=tenant_id,
        actor=giver.actor,
        kind=kind,
        subject_id=client_id,
        before=before,
        after=after,
    )


def _wish(name: str, scopes: Collection[str], networks: Collection[str] | None) -> _Wish:
    known = {scope.value for scope in ApiScope}
    words = sorted({str(scope) for scope in scopes})
    if not words or not known.issuperset(words):
        raise Invalid("An API client needs a scope, and only scopes there are.", field="scopes")
    return _Wish(checked_name(name), words, read_networks(networks))


def _lifetime_seconds(days: int) -> int:
    if not 1 <= days <= LONGEST_LIFETIME_DAYS:
        message = f"A secret is good for 1 to {LONGEST_LIFETIME_DAYS} days."
        raise Invalid(message, field="lifetimeDays")
    return days * _DAY_SECONDS
