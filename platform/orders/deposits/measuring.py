"""How much each seller must put down: measured now and then, never by a sale.

Who has no policy is not looked at. Each look is a transaction of its own: what was found is written
with the figures it came from, sales are stopped or go on by it, and the party is told beforehand.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from billing import ledger
from billing.deposits import arithmetic
from billing.deposits.arithmetic import DepositTerms, Measured
from billing.deposits.parties import DepositParty
from billing.deposits.policies import terms_of
from kernel import db
from kernel.ids import public_id
from kernel.log import get_logger
from kernel.outbox import EventType, tell
from orders.deposits import stopping
from orders.deposits.counting import WINDOW_DAYS

log = get_logger(__name__)

LOOKED_AT_AT_ONCE: Final = 50
LOOK_EVERY: Final = timedelta(minutes=10)
_REASON: Final = "look at every deposit that somebody asks for"

# Whoever a policy is about, and whom nobody has looked at yet.
_KNOW: Final = """
insert into deposit_standings (tenant_id, party_id, party_kind, currency)
select party.tenant_id, party.id, party.kind, party.currency
from (select root.id as tenant_id, suppliers.id, 'SUPPLIER' as kind, root.currency
      from suppliers, tenants root where root.parent_id is null
      union all
      select id, id, 'TENANT', currency from tenants
      where kind = 'AGENT' and stands(status)) as party
where exists (select from deposit_policies asked
              where asked.party_kind = party.kind and asked.currency = party.currency
                and (asked.party_id is null or asked.party_id = party.id))
  and not exists (select from deposit_standings known where known.party_id = party.id)
limit $1 on conflict do nothing
"""
_CLAIM: Final = """
update deposit_standings set look_at = platform_now() + $2::interval
where party_id in (select party_id from deposit_standings where look_at <= platform_now()
                   order by look_at limit $1 for update skip locked)
returning tenant_id, party_id, party_kind, currency
"""
# Today's pace: what the last day has brought, less what of it could not be claimed any more.
_MEASURE: Final = """
select coalesce(sum(open.minor) filter (where open_until > moment.now), 0)::bigint
           as exposure_minor,
       coalesce(sum(open.minor) filter (where sold_hour > moment.now - interval '1 day'), 0)::bigint
       - coalesce(sum(open.minor) filter (where open_until > moment.now - interval '1 day'
                                            and open_until <= moment.now), 0)::bigint
           as grown_minor,
       coalesce(sum(sold) filter (where sold_hour > moment.since), 0)::int as sold,
       coalesce(sum(faults) filter (where sold_hour > moment.since), 0)::int as faults
from (select platform_now() as now, platform_now() - make_interval(days => $3) as since) as moment
left join deposit_hours hours on hours.party_id = $1 and hours.currency = $2
cross join lateral (select greatest(paid_minor - refunded_minor, 0) as minor) as open
"""
_WRITE: Final = """
update deposit_standings
set exposure_minor = $2, growth_minor_per_hour = $3, sold = $4, faults = $5, invalid_rate_bp = $6,
    base_minor = $7, grace_minor = $8, required_minor = $9, runs_out_at = $10, told_hours = $11,
    measured_at = $12
where party_id = $1
"""


async def measure_deposits(at_most: int = LOOKED_AT_AT_ONCE) -> int:
    """Look at the deposits whose time has come; returns how many. Two at once share the work."""
    async with db.transaction(db.every_tenant(reason=_REASON)):
        await db.execute(_KNOW, at_most)
        due = await db.fetch(_CLAIM, at_most, LOOK_EVERY)
    for row in due:
        party = DepositParty(row["party_kind"], row["party_id"], row["tenant_id"], row["currency"])
        try:
            async with db.transaction(party.scope):
                await look(party)
        except Exception as error:  # one bad row must not stop the others
            log.error("deposit_not_measured", party=str(party.id), exc_info=error)
    return len(due)


async def look(party: DepositParty) -> None:
    """Measure one party, and do what follows; in the open transaction of its scope."""
    standing = await db.fetch_row(
        """select told_hours, platform_now() as now from deposit_standings
           where party_id = $1 for no key update""",
        party.id,
    )
    if standing is None:
        return
    terms, found = await terms_of(party), await measured(party)
    free_minor = await ledger.balance(party.free)
    lasts = arithmetic.lasts_hours(terms, found, free_minor=free_minor)
    warned = arithmetic.warned_at(lasts)
    await _write(party, terms, found, lasts=lasts, warned=warned, now=standing["now"])
    await stopping.follow(party)
    if warned is not None and (standing["told_hours"] is None or warned < standing["told_hours"]):
        await _warn(party, hours=warned, free_minor=free_minor, terms=terms, found=found)


async def measured(party: DepositParty) -> Measured:
    """What has been counted of a party, as it stands now; in an open core transaction."""
    row: Mapping[str, Any] | None = await db.fetch_row(
        _MEASURE, party.id, party.currency, WINDOW_DAYS
    )
    assert row is not None
    return Measured(
        row["exposure_minor"],
        row["grown_minor"] // 24,
        row["sold"],
        min(row["faults"], row["sold"]),
    )


async def _write(
    party: DepositParty,
    terms: DepositTerms,
    found: Measured,
    *,
    lasts: int | None,
    warned: int | None,
    now: datetime,
) -> None:
    await db.execute(
        _WRITE,
        party.id,
        found.exposure_minor,
        found.growth_minor_per_hour,
        found.sold,
        found.faults,
        found.invalid_rate_bp,
        terms.base_minor,
        terms.grace_minor,
        arithmetic.required_minor(terms, found),
        None if lasts is None or lasts > LONGEST_FORECAST_HOURS else now + timedelta(hours=lasts),
        warned,
        now,
    )


LONGEST_FORECAST_HOURS: Final = 24 * 365
"""Further ahead nobody needs to look."""


async def _warn(
    party: DepositParty, *, hours: int, free_minor: int, terms: DepositTerms, found: Measured
) -> None:
    """Tell a shop's programs, of a supplier the platform's own, before anything stops."""
    await tell(
        EventType.DEPOSIT_LOW,
        tenant_id=party.tenant_id,
        object_id=party.id,
        facts={
            "partyId": public_id("sup" if party.kind == "SUPPLIER" else "ten", party.id),
            "lastsHours": hours,
            "freeMinor": free_minor,
            "requiredMinor": arithmetic.required_minor(terms, found),
            "currency": party.currency,
        },
    )
