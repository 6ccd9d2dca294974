"""Who may order or pay now: asked of the database by the statement that writes it."""

from kernel.errors import Forbidden, Invalid, Refusal
from offers.quotes import QuoteExpired
from tenants.directory import TenantRestricted

UNPAID_ORDERS_PER_CUSTOMER = 20
UNPAID_ORDERS_OF_TIER = f"""
coalesce((select tier.max_unpaid_orders
          from customers buyer
          join membership_tiers tier on (tier.tenant_id, tier.id) = (buyer.tenant_id, buyer.tier_id)
          where buyer.tenant_id = :tenant_id::uuid and buyer.id = :customer_id::uuid),
         {UNPAID_ORDERS_PER_CUSTOMER})
"""
"""How many a customer's tier allows, never fewer: asked of those alone who have as many as that."""

SHOP_CLOSURE = "shop_closure(:tenant_id::uuid, :path::uuid[])"
"""Why nothing is sold in the shop on this path: CLOSED, MOVED, or null. Whoever priced the order
on the path of a moment ago has shared it out among tenants that may stand there no more."""

BUYERS_CLOSURE = f"""
coalesce({SHOP_CLOSURE}, (select 'CLOSED' from tenants where id = :tenant_id::uuid
                                                         and settlement_mode = 'PREPAID'))
"""
"""The same for buyers: those of a shop that collects itself pay the shop, which buys at cost what
it sells to them."""


# `claim` stands before it: a request that was answered already is not asked again.
ADMISSION = f"""
admission as materialized (
    select true as is_first, coalesce({BUYERS_CLOSURE}, case
        when :customer_id::uuid is not null
             and (select status from customers
                  where tenant_id = :tenant_id::uuid and id = :customer_id::uuid)
             is distinct from 'ACTIVE'
            then 'FROZEN'
        when :token_hash::bytea is not null and not exists (
                 select from access_tokens
                 where token_hash = :token_hash::bytea and kind = 'CUSTOMER'
                   and (tenant_id, principal_id) = (:tenant_id::uuid, :customer_id::uuid)
                   and revoked_at is null and expires_at > moment.now)
            then 'SIGNED_OUT'
        when (select unpaid.orders >= {UNPAID_ORDERS_PER_CUSTOMER}
                     and unpaid.orders >= {UNPAID_ORDERS_OF_TIER}
              from (select count(*) as orders from orders
                    where tenant_id = :tenant_id::uuid and customer_id = :customer_id::uuid
                      and payment_status = 'PENDING'
                      -- Not to be found by: everybody's unpaid orders have an index by their end.
                      and expires_at + interval '0' > moment.now) as unpaid)
            then 'TOO_MANY_UNPAID'
        end) as refusal
    from moment where exists (select from claim)
)
"""
"""The part of a statement that says in `refusal` why the buyer may not order, or null.

A frozen account buys nothing, a token that has ended meanwhile neither, and nobody hoards keys
with orders left unpaid; orders that are being made at the same moment do not see each other, so
as many more may come as there are connections. Where `claim` has no row, it has none either.
"""


PURCHASE_ADMISSION = f"""
admission as materialized (
    select true as is_first, {SHOP_CLOSURE} as refusal
    from moment where exists (select from claim)
)
"""
"""The same for a shop that buys at cost. Who speaks for it was asked for this very request."""

PAYMENT_REFUSAL = """
payment_refusal(:tenant_id::uuid, :viewer_id::uuid, :token_hash::bytea, {now})
"""
"""Why the viewer may not pay at `now`: SIGNED_OUT, CLOSED, or null. It sees what was committed
before it is called, so it stands where it is called after what the statement waits for."""


def signed_out() -> Forbidden:
    """The refusal for a token that is no good any more."""
    return Forbidden("This token has ended, or is not for this shop: sign in again.")


def refusal_of(code: str) -> Refusal:
    """The refusal behind a word of `ADMISSION` or of `PAYMENT_REFUSAL`."""
    if code == "CLOSED":
        return TenantRestricted("This shop does not take orders at the moment.")
    if code == "MOVED":
        return QuoteExpired("The shop's prices have just changed: ask for a new price.")
    if code == "FROZEN":
        return Forbidden("This account cannot order at the moment.")
    if code == "SIGNED_OUT":
        return signed_out()
    return Invalid("Pay or cancel the orders that are open first.")
