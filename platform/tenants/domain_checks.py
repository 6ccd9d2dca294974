"""Looking again at domains that were proved: what the DNS no longer says does not hold for ever.

A record that is gone counts; a DNS that does not answer does not: the fault may be ours, and would
take every shop off its domain. After some failures the host leads nowhere, and rests.
"""

from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.log import get_logger
from tenants import dns_proof
from tenants.dns_proof import DnsSilent, Resolver
from tenants.domains import CHECK_HOURS, REST, make_some_domain_primary

log = get_logger(__name__)
FAILURES_ALLOWED: Final = 3
RETRY_HOURS: Final = 8

# Whoever claims a domain has it to itself until the retry is due.
_CLAIM: Final = f"""
update tenant_domains set next_check_at = platform_now() + interval '{RETRY_HOURS} hours',
                          asked_at = platform_now()
where id in (select id from tenant_domains
             where verified_at is not null and next_check_at <= platform_now()
             order by next_check_at limit $1 for no key update skip locked)
returning tenant_id, id, host
"""
_FOUND: Final = f"""
update tenant_domains set failed_checks = 0, checked_at = platform_now(),
                          next_check_at = platform_now() + interval '{CHECK_HOURS} hours'
where (tenant_id, id) = ($1, $2) and verified_at is not null
"""
_MISSED: Final = f"""
update tenant_domains set
    failed_checks = failed_checks + 1,
    verified_at = case when failed_checks + 1 < {FAILURES_ALLOWED} then verified_at end,
    lapsed_at = case when failed_checks + 1 < {FAILURES_ALLOWED} then null
                     else platform_now() end,
    is_primary = is_primary and failed_checks + 1 < {FAILURES_ALLOWED}
where (tenant_id, id) = ($1, $2) and verified_at is not null
returning host, lapsed_at
"""


async def check_again(limit: int, *, resolver: Resolver | None = None) -> int:
    """Ask the DNS about domains whose time has come; says how many were asked for."""
    async with db.transaction(db.every_tenant(reason="proofs of domains are looked at again")):
        due = await db.fetch(_CLAIM, limit)
    for domain in due:
        try:
            await _check(domain, resolver)
        except Exception as error:  # one bad row must not stop the others
            log.error("domain_not_checked", domain=str(domain["id"]), exc_info=error)
    return len(due)


async def _check(domain: Any, resolver: Resolver | None) -> None:
    tenant_id: UUID = domain["tenant_id"]
    try:
        proved = await dns_proof.is_proved(
            tenant_id=tenant_id, host=domain["host"], resolver=resolver
        )
    except DnsSilent as silence:
        log.warning("dns_silent", domain=str(domain["id"]), why=str(silence))
        return
    async with db.transaction(db.core_scope(tenant_id)):
        if proved:
            await db.execute(_FOUND, tenant_id, domain["id"])
            return
        await db.execute("select from tenants where id = $1 for no key update", tenant_id)
        missed = await db.fetch_row(_MISSED, tenant_id, domain["id"])
        if missed is not None and missed["lapsed_at"] is not None:
            await make_some_domain_primary(tenant_id)
            await db.fetch_value(REST, missed["host"], tenant_id)
