"""Where a tenant listens: at most ten addresses, each with the events that it wants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import db, outward
from kernel.errors import Forbidden, Invalid, NotFound, Refusal
from kernel.ids import new_id
from kernel.outbox import OPENS_ACCOUNTS, EventType
from notifications import signing
from tenants import directory

ENDPOINTS_AT_MOST: Final = 10
DESCRIPTION_LETTERS: Final = 200
WANTED: Final = frozenset(EventType) - {EventType.WEBHOOK_PING}
"""What an endpoint may ask for; a ping comes to whoever asks for one."""
_OF_OWNERS: Final = (
    f"(e.sends_keys or e.event_types::text[] && '{{{','.join(OPENS_ACCOUNTS)}}}'::text[])"
)
"""Its messages open accounts, or carry keys: a program may neither ask for that, nor redirect who
hears it, nor sign in its place."""
_ALERTS_SHOWN: Final = 5


class TooManyWebhooks(Refusal):
    """The tenant has as many endpoints as there may be."""

    code = "LIMIT_REACHED"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something about an endpoint that its owner has to know."""

    kind: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address that is told; its secret is in no answer but the first."""

    id: UUID
    url: str
    description: str
    event_types: tuple[str, ...]
    status: str
    sends_keys: bool
    failures_in_row: int
    paused_until: datetime | None
    previous_until: datetime | None
    created_at: datetime
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is said of an endpoint. `sends_keys`: keys that the shop buys at cost go there."""

    url: str
    description: str
    event_types: Sequence[EventType]
    enabled: bool
    by_owner: bool
    sends_keys: bool = False


_COLUMNS: Final = """e.id, e.url, e.description, e.event_types::text[] as event_types, e.status,
    e.sends_keys, e.failures_in_row,
    case when e.paused_until > platform_now() then e.paused_until end
    as paused_until, case when e.previous_until > platform_now() then e.previous_until end
    as previous_until, e.created_at"""
_LIST = f"""
select {_COLUMNS},
       array(select row(alert.kind, alert.raised_at) from webhook_alerts alert
             where alert.endpoint_id = e.id order by alert.raised_at desc, alert.id
             limit {_ALERTS_SHOWN}) as alerts
from webhook_endpoints e where e.tenant_id = $1 and e.status <> 'DELETED'
order by e.slot
"""
# The unique index over (tenant, slot) is the referee; who loses a slot to another looks again.
_INSERT = f"""
with free as (
    select min(place) as slot from generate_series(1, {ENDPOINTS_AT_MOST}) as place
    where not exists (select from webhook_endpoints
                      where tenant_id = $1 and slot = place and status <> 'DELETED')
)
insert into webhook_endpoints as e (tenant_id, id, slot, url, description, event_types, status,
                                    sends_keys, secret, secret_key_id)
select $1, $2, free.slot, $3, $4, $5::text[]::event_type[],
       case when $6::boolean then 'ACTIVE' else 'OFF' end, $7, $8, $9
from free where free.slot is not null
on conflict (tenant_id, slot) where status <> 'DELETED' do nothing
returning {_COLUMNS}
"""
# Whoever turns an endpoint on again, or sends it elsewhere, gives it a fresh start.
_UPDATE = f"""
update webhook_endpoints e
set url = $3, description = $4, event_types = $5::text[]::event_type[],
    status = case when $6::boolean then 'ACTIVE' else 'OFF' end, sends_keys = $7,
    failures_in_row = 0, failing_since = null, paused_until = null
where e.tenant_id = $1 and e.id = $2 and e.status <> 'DELETED'
  and ($8::boolean or not {_OF_OWNERS})
returning {_COLUMNS}
"""
_ROTATE = f"""
update webhook_endpoints e
set previous_secret = e.secret, previous_secret_key_id = e.secret_key_id,
    previous_until = platform_now() + make_interval(secs => $5), secret = $3, secret_key_id = $4
where e.tenant_id = $1 and e.id = $2 and e.status <> 'DELETED'
  and ($6::boolean or not {_OF_OWNERS})
returning {_COLUMNS}
"""
_DELETE = """
with gone as (
    update webhook_endpoints set status = 'DELETED', previous_secret = null,
           previous_secret_key_id = null, previous_until = null
    where tenant_id = $1 and id = $2 and status <> 'DELETED' returning id
), ended as (
    update webhook_deliveries d set status = 'CANCELED', next_attempt_at = null,
           claimed_until = null, ended_at = platform_now()
    from gone where d.endpoint_id = gone.id and d.status = 'PENDING'
)
select count(*) from gone
"""


async def endpoints_of(tenant_id: UUID) -> list[Endpoint]:
    """A tenant's endpoints, in the order in which their places were taken."""
    return [_endpoint(row) for row in await db.read(db.core_scope(tenant_id), _LIST, tenant_id)]


async def create(tenant_id: UUID, wish: Wish) -> tuple[Endpoint, str]:
    """Make an endpoint, and its secret, which is told once.

    Raises `Invalid`, `Forbidden`, `AddressRefused` and `TooManyWebhooks`. It hears of orders that
    are made from now on, and of every refund.
    """
    await _examine(wish)
    endpoint_id, secret = new_id(), signing.new_secret()
    sealed = signing.seal(secret, endpoint_id=endpoint_id)
    values = (*_values(tenant_id, endpoint_id, wish), sealed.ciphertext, sealed.key_id)
    async with db.transaction(db.core_scope(tenant_id)):
        # Each turn that is lost was won by somebody else, and there are ten places.
        for _ in range(2 * ENDPOINTS_AT_MOST):
            row = await db.fetch_row(_INSERT, *values)
            if row is not None:
                break
    if row is not None:
        directory.forget()  # who hears of orders: this process knows at once
        return _endpoint(row), secret
    raise TooManyWebhooks(f"There are {ENDPOINTS_AT_MOST} webhooks: delete one first.")


async def change(tenant_id: UUID, endpoint_id: UUID, wish: Wish) -> Endpoint:
    """Change an endpoint. Raises `NotFound`, and what `create` does but for the last.

    To a program, an endpoint that hears of new passwords or is sent keys is not there.
    """
    await _examine(wish)
    async with db.transaction(db.core_scope(tenant_id)):
        row = await db.fetch_row(_UPDATE, *_values(tenant_id, endpoint_id, wish), wish.by_owner)
    directory.forget()
    return _found(row)


async def rotate(tenant_id: UUID, endpoint_id: UUID, *, by_owner: bool) -> tuple[Endpoint, str]:
    """Give an endpoint a new secret, told once; the one before it signs as well for a day.

    Raises `NotFound`, to a program as `change` does.
    """
    secret = signing.new_secret()
    sealed = signing.seal(secret, endpoint_id=endpoint_id)
    async with db.transaction(db.core_scope(tenant_id)):
        row = await db.fetch_row(
            _ROTATE,
            tenant_id,
            endpoint_id,
            sealed.ciphertext,
            sealed.key_id,
            float(signing.OVERLAP_SECONDS),
            by_owner,
        )
    return _found(row), secret


async def delete(tenant_id: UUID, endpoint_id: UUID) -> None:
    """End an endpoint and what is on its way to it. Raises `NotFound`."""
    async with db.transaction(db.core_scope(tenant_id)):
        if not await db.fetch_value(_DELETE, tenant_id, endpoint_id):
            raise not_found()


def not_found() -> NotFound:
    """There is no such endpoint, or it is another tenant's."""
    return NotFound("There is no such webhook.", field="webhookId")


async def _examine(wish: Wish) -> None:
    if not wish.event_types or not WANTED.issuperset(wish.event_types):
        raise Invalid("Name at least one kind of event.", field="eventTypes")
    if len(wish.event_types) > len(WANTED):
        raise Invalid("Name each kind of event once.", field="eventTypes")
    if not wish.by_owner and not set(OPENS_ACCOUNTS).isdisjoint(wish.event_types):
        raise Forbidden("Only an owner hears of new passwords and codes.", field="eventTypes")
    if not wish.by_owner and wish.sends_keys:
        raise Forbidden("Only an owner has keys sent.", field="sendsKeys")
    if len(wish.description) > DESCRIPTION_LETTERS or not wish.description.isprintable():
        raise Invalid(
            f"A description has at most {DESCRIPTION_LETTERS} printable characters.",
            field="description",
        )
    await outward.check(wish.url)


def _values(tenant_id: UUID, endpoint_id: UUID, wish: Wish) -> tuple[Any, ...]:
    wanted = sorted({str(event) for event in wish.event_types})
    what = (wish.description, wanted, wish.enabled, wish.sends_keys)
    return tenant_id, endpoint_id, wish.url, *what


def _found(row: Any) -> Endpoint:
    if row is None:
        raise not_found()
    return _endpoint(row)


def _endpoint(row: Any) -> Endpoint:
    values = dict(row)
    values["event_types"] = tuple(values["event_types"])
    values["alerts"] = tuple(Alert(*alert) for alert in values.get("alerts", ()))
    return Endpoint(**values)
