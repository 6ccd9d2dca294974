"""A change of balance, told once for many postings.

The ledger tells nothing by itself: sales write there by the thousand. Whoever wants to hear of a
balance has it looked at now and then, and is told when it is not what was told last.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from billing import accounts
from kernel import db

TENANTS_AT_ONCE: Final = 200

_WHO = """
select t.id, t.currency from tenants t
where ($1::uuid is null or t.id > $1) and exists (
    select from webhook_endpoints e
    where e.tenant_id = t.id and e.status = 'ACTIVE' and 'balance.changed' = any (e.event_types))
order by t.id limit $2
"""
# The first look is what later ones are compared with. Of two workers that look at once, the second
# finds what the first has noted.
_TELL = """
with seen as materialized (
    select given.tenant_id, given.id, given.stage, given.currency,
           -ledger_balance(given.id) as minor
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
         as given (tenant_id, id, stage, currency)
), noted as (
    insert into told_balances as told (tenant_id, id, balance_minor)
    select tenant_id, id, minor from seen order by id
    on conflict (tenant_id, id) do update set balance_minor = excluded.balance_minor
    where told.balance_minor <> excluded.balance_minor
    returning told.tenant_id, told.id, xmax <> 0 as is_change
)
select count(*) filter (where tell_tenant(
    seen.tenant_id, 'balance.changed', 'balance', seen.id, null,
    jsonb_build_object('account', seen.stage, 'balanceMinor', seen.minor,
                       'currency', seen.currency)))
from noted join seen using (tenant_id, id) where noted.is_change
"""


async def tell_of_balances() -> int:
    """Tell every tenant that wants to hear of it which of its balances have changed."""
    told = 0
    after: UUID | None = None
    while True:
        async with db.transaction(db.every_tenant(reason="tell of balances")):
            tenants = await db.fetch(_WHO, after, TENANTS_AT_ONCE)
            if tenants:
                told += await db.fetch_value(_TELL, *_accounts_of(tenants))
        if len(tenants) < TENANTS_AT_ONCE:
            return told
        after = tenants[-1]["id"]


def _accounts_of(
    tenants: Sequence[Mapping[str, Any]],
) -> tuple[list[UUID], list[UUID], list[str], list[str]]:
    """The tenants, accounts, stages and currencies, as columns."""
    rows = [
        (row["id"], account(row["id"], row["currency"]).id, stage, row["currency"])
        for row in tenants
        for stage, account in (("AVAILABLE", accounts.party_available), ("TRADE", accounts.trade))
    ]
    ids, account_ids, stages, currencies = (list(column) for column in zip(*rows, strict=True))
    return ids, account_ids, stages, currencies
