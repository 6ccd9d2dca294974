"""A tenant's domains: claimed, proved, chosen, given up.

A claim is a row without a proof, and leads nobody anywhere. Whoever proves a host first has it;
the database lets one tenant have it at a time (`tenant_domains_one_owner`). A host that has led to
a shop and does so no more rests for a while, in which only the same tenant may have it back.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound, RateLimited, Refusal
from kernel.ids import new_id
from kernel.settings import settings
from tenants import dns_proof, host_names
from tenants.dns_proof import DnsSilent, Resolver

MAX_DOMAINS: Final = 20
REST_DAYS: Final = 30
CHECK_HOURS: Final = 24
ASK_AGAIN_SECONDS: Final = 5

DOMAIN_COLUMNS: Final = """
id, tenant_id, host, kind, is_primary, verified_at, checked_at, lapsed_at
"""
_LOCK_HOST: Final = "select pg_advisory_xact_lock(hashtextextended('host:' || $1, 0))"
_IS_OTHERS: Final = """
select exists (select from tenant_domains
               where host = $1 and tenant_id <> $2 and verified_at is not null)
    or exists (select from resting_hosts
               where host = $1 and tenant_id <> $2 and ends_at > platform_now())
"""
REST: Final = f"""
insert into resting_hosts (host, tenant_id, ends_at)
values ($1, $2, platform_now() + interval '{REST_DAYS} days')
on conflict (host) do update set tenant_id = excluded.tenant_id, ends_at = excluded.ends_at
returning ends_at
"""
_RESTS: Final = """
select ends_at from resting_hosts
where host = $1 and tenant_id = $2 and ends_at > platform_now()
"""


class DomainNotProved(Refusal):
    """The record that proves the host is not there, or nobody can say whether it is."""

    code = "DOMAIN_NOT_PROVED"


async def domains_of(tenant_id: UUID) -> list[Mapping[str, Any]]:
    """All domains of a tenant, in the open core transaction; the primary one first."""
    return await db.fetch(
        f"""select {DOMAIN_COLUMNS} from tenant_domains where tenant_id = $1
            order by is_primary desc, host""",
        tenant_id,
    )


async def add_domain(*, tenant_id: UUID, host: str) -> Mapping[str, Any]:
    """Claim a host that the tenant brings; saying it again changes nothing.

    Raises `Invalid` for what is no host of the tenant's (`host_names.own_host`), for one that is
    another tenant's, or rests for another tenant, and for more than twenty.
    """
    name = host_names.own_host(host, platform_hosts=_platform_hosts())
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute("select from tenants where id = $1 for no key update", tenant_id)
        known = await db.fetch_row(
            f"select {DOMAIN_COLUMNS} from tenant_domains where (tenant_id, host) = ($1, $2)",
            tenant_id,
            name,
        )
        if known is not None:
            return dict(known)
        await _require_free(name, tenant_id)
        number = "select count(*) from tenant_domains where tenant_id = $1"
        if await db.fetch_value(number, tenant_id) >= MAX_DOMAINS:
            raise Invalid(f"A shop has at most {MAX_DOMAINS} domains.", field="host")
        row = await db.fetch_row(
            f"""insert into tenant_domains (tenant_id, id, host, kind)
                values ($1, $2, $3, 'CUSTOM') returning {DOMAIN_COLUMNS}""",
            tenant_id,
            new_id(),
            name,
        )
    assert row is not None
    return dict(row)


async def verify_domain(
    *, tenant_id: UUID, domain_id: UUID, resolver: Resolver | None = None
) -> Mapping[str, Any]:
    """Ask the DNS for the proof, and lead the host's visitors to the shop if it is there.

    Raises `NotFound`, `DomainNotProved`, `Invalid` for a host that is another tenant's by now, and
    `RateLimited` for who asks again at once.
    """
    host = await _begin_to_ask(tenant_id, domain_id)
    try:
        proved = await dns_proof.is_proved(tenant_id=tenant_id, host=host, resolver=resolver)
    except DnsSilent:
        raise DomainNotProved("The DNS of this host does not answer: try again later.") from None
    if not proved:
        raise DomainNotProved("The DNS of this host does not have the record yet.")
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute(_LOCK_HOST, host)
        await _require_free(host, tenant_id)
        row = await db.fetch_row(
            f"""update tenant_domains
                set verified_at = coalesce(verified_at, platform_now()), failed_checks = 0,
                    checked_at = platform_now(), lapsed_at = null,
                    next_check_at = platform_now() + interval '{CHECK_HOURS} hours'
                where (tenant_id, id) = ($1, $2) returning {DOMAIN_COLUMNS}""",
            tenant_id,
            domain_id,
        )
        if row is None:
            raise _no_such_domain()
        await db.execute("delete from resting_hosts where host = $1", host)
    return dict(row)


async def choose_primary(*, tenant_id: UUID, domain_id: UUID) -> Mapping[str, Any]:
    """Make a verified domain the shop's own address; `Invalid` for one without a proof."""
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute("select from tenants where id = $1 for no key update", tenant_id)
        known = await _domain(tenant_id, domain_id)
        if known["verified_at"] is None:
            raise Invalid("Only a proved domain can be the shop's address.", field="domainId")
        await db.execute(
            "update tenant_domains set is_primary = false where tenant_id = $1 and is_primary",
            tenant_id,
        )
        row = await db.fetch_row(
            f"""update tenant_domains set is_primary = true
                where (tenant_id, id) = ($1, $2) and verified_at is not null
                returning {DOMAIN_COLUMNS}""",
            tenant_id,
            domain_id,
        )
        if row is None:  # it has lapsed meanwhile
            raise Invalid("Only a proved domain can be the shop's address.", field="domainId")
    return dict(row)


async def remove_domain(*, tenant_id: UUID, domain_id: UUID) -> tuple[str, datetime | None]:
    """Give a domain up. Returns its host, and until when it rests if it has led to the shop.

    Raises `NotFound`, and `Invalid` for the host below the platform's own, which stays.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute("select from tenants where id = $1 for no key update", tenant_id)
        known = await _domain(tenant_id, domain_id)
        if known["kind"] == "SUBDOMAIN":
            raise Invalid("The shop keeps its address below the platform's.", field="domainId")
        await db.execute(_LOCK_HOST, known["host"])
        gone = await db.fetch_row(
            f"delete from tenant_domains where id = $1 returning {DOMAIN_COLUMNS}", domain_id
        )
        assert gone is not None  # whoever deletes one has locked its tenant
        await make_some_domain_primary(tenant_id)
        # One that has lapsed rests since then: who gives it up late must not hold up whoever has
        # bought the host meanwhile.
        rest = _RESTS if gone["verified_at"] is None else REST
        ends_at = await db.fetch_value(rest, gone["host"], tenant_id)
    return known["host"], ends_at


async def make_some_domain_primary(tenant_id: UUID) -> None:
    """Give a shop that has lost its address the one below the platform's own again."""
    await db.execute(
        """update tenant_domains set is_primary = true
           where tenant_id = $1 and kind = 'SUBDOMAIN' and verified_at is not null
             and not exists (select from tenant_domains known
                             where known.tenant_id = $1 and known.is_primary)
             and id = (select id from tenant_domains first
                       where first.tenant_id = $1 and first.kind = 'SUBDOMAIN'
                       order by first.added_at, first.id limit 1)""",
        tenant_id,
    )


async def _begin_to_ask(tenant_id: UUID, domain_id: UUID) -> str:
    """Give the host of a domain whose DNS may be asked now."""
    async with db.transaction(db.core_scope(tenant_id)):
        known = await _domain(tenant_id, domain_id)
        if known["kind"] == "SUBDOMAIN":
            raise Invalid("This host needs no proof.", field="domainId")
        asked = await db.execute(
            f"""update tenant_domains set asked_at = platform_now()
                where (tenant_id, id) = ($1, $2)
                  and coalesce(asked_at < platform_now() - interval '{ASK_AGAIN_SECONDS} seconds',
                               true)""",
            tenant_id,
            domain_id,
        )
        if not asked:
            raise RateLimited("The DNS was asked a moment ago: try again in a few seconds.")
    host: str = known["host"]
    return host


async def _domain(tenant_id: UUID, domain_id: UUID) -> Mapping[str, Any]:
    row = await db.fetch_row(
        f"select {DOMAIN_COLUMNS} from tenant_domains where (tenant_id, id) = ($1, $2)",
        tenant_id,
        domain_id,
    )
    if row is None:
        raise _no_such_domain()
    return dict(row)


async def _require_free(host: str, tenant_id: UUID) -> None:
    if await db.fetch_value(_IS_OTHERS, host, tenant_id):
        raise Invalid("This host leads to another shop, or did so until lately.", field="host")


def _no_such_domain() -> NotFound:
    return NotFound("There is no such domain.", field="domainId")


def _platform_hosts() -> frozenset[str]:
    config = settings()
    return frozenset(filter(None, (config.shop_domain_suffix, config.api_host)))
