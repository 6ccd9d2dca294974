"""The orders' own parts of the sale's statements; each writes where `ready` has a row.

`moment` gives the platform's time, `taken` the keys with their lines and their numbers from 1 on.
"""

from typing import Any, Final

from kernel.fence import FENCE

MOMENT: Final = "moment as materialized (select platform_now() as now)"
MOMENT_ALONE: Final = f"""
{FENCE}, moment as materialized (select platform_now() as now from fence where raised is not null)
"""
"""The same for a statement without a transaction around it: its first part, before any table."""

# A lateral join is read in its own order: a table that stood first would be looked at before the
# fence is raised. The status is asked of the row that was locked, after any wait: inside, it would
# be asked of an index of all unpaid orders while the table is small, and later, too.
UNPAID_ORDER_FIRST: Final = f"""
{FENCE},
clock as materialized (select platform_now() as now from fence where raised is not null),
unpaid_order as materialized (
    select locked.* from clock cross join lateral (
        select orders.id, orders.customer_id, orders.currency, orders.total_minor,
               orders.payment_status, orders.expires_at
        from orders where {{which}} offset 0 for no key update
    ) as locked
    where locked.payment_status = 'PENDING' and locked.expires_at > clock.now
)
"""
"""Locks an order, in a statement without a transaction around it. Where it cannot be paid, or was
paid, canceled or given up while its lock was waited for, there is no row."""

MOMENT_OF_SALE: Final = """
moment as materialized (select clock.now from clock where exists (select from open_payment))
"""
"""The time, once order and payment are locked; everything else hangs on it."""

GIVEN_KEYS: Final = """
taken as materialized (
    select given.id, given.line_id, given.n
    from unnest(:key_ids::uuid[], :key_line_ids::uuid[]) with ordinality as given (id, line_id, n)
)
"""
"""The keys that earlier statements have held."""

# An order that a balance pays in the same transaction is born paid: each row is written once.
_WRITE_ORDER: Final = """
the_order as (
    insert into orders (id, tenant_id, no, customer_id, guest_token_hash, path, currency,
                        total_minor, affiliate_id, contact, contact_key_id, payment_status,
                        fulfilment_status, created_at, expires_at, paid_at, delivered_at,
                        is_heard, is_ranked{columns})
    select :order_id::uuid, :tenant_id::uuid, :order_no::text, :customer_id::uuid,
           :guest_token_hash::bytea, :path::uuid[], :currency::text, :total_minor::bigint,
           :affiliate_id::uuid, :contact::bytea, :contact_key_id::smallint,
           case when :is_paid::boolean then 'PAID' else 'PENDING' end,
           case when :is_paid::boolean then {fulfilment} else 'NONE' end,
           now, now + :hold_for::interval,
           case when :is_paid::boolean then now end, {delivered_at},
           :is_heard::boolean, :is_ranked::boolean
           {values}
    from ready, moment
), the_lines as (
    insert into order_lines (tenant_id, id, order_id, sku_id, supplier_listing_id, quantity,
                             unit_price_minor, net_minor, funded_minor, delivery_mode, key_ids
                             {line_columns})
    select :tenant_id::uuid, line.id, :order_id::uuid, line.sku_id, line.listing_id,
           line.quantity, line.unit_price, line.net, line.funded, line.mode,
           array(select taken.id from taken where taken.line_id = line.id order by taken.n)
           {line_values}
    from ready, unnest(:line_ids::uuid[], :sku_ids::uuid[], :listing_ids::uuid[],
                       :quantities::int[], :unit_prices::bigint[], :nets::bigint[],
                       :fundeds::bigint[], :delivery_modes::text[]{line_arrays})
         as line (id, sku_id, listing_id, quantity, unit_price, net, funded, mode{line_columns})
), the_shares as (
    insert into line_shares (tenant_id, id, order_id, line_id, party_kind, party_id, role,
                             amount_minor, currency{rate_column})
    select :tenant_id::uuid, id, :order_id::uuid, line_id, party_kind, party_id, role, amount,
           {share_currency}{rate_column}
    from ready, unnest(:share_ids::uuid[], :share_lines::uuid[], :share_kinds::text[],
                       :share_parties::uuid[], :share_roles::text[], :share_amounts::bigint[]
                       {share_arrays})
         as share (id, line_id, party_kind, party_id, role, amount{share_columns})
)
"""


def write_order(
    *,
    at_cost: bool,
    titled: bool,
    earns: bool,
    by_hand: bool = False,
    exchanged: bool = False,
) -> str:
    """Write the order, its lines and their shares; `at_cost` where the shop itself pays, `titled`
    where it calls some of the goods by a name of its own, `earns` where its customer earns points,
    `by_hand` where a person delivers some of them: then the order says itself how far it is once it
    is paid; `exchanged` where a supplier is owed in another currency."""
    titles = [("title", ":titles::text[]")] if titled else []
    earned = [("earned_points", ":points_of_lines::bigint[]")] if earns else []
    more = [*titles, *earned]
    columns = ", at_cost, client_reference" if at_cost else ""
    values = ", true, :client_reference::text" if at_cost else ""
    return _WRITE_ORDER.format(
        columns=columns + (", by_hand" if by_hand else ""),
        values=values + (", true" if by_hand else ""),
        fulfilment=":fulfilment::text" if by_hand else "'DELIVERED'",
        delivered_at="null" if by_hand else "case when :is_paid::boolean then now end",
        line_columns="".join(f", {name}" for name, _ in more),
        line_values="".join(f", line.{name}" for name, _ in more),
        line_arrays="".join(f", {array}" for _, array in more),
        rate_column=", fx_rate_id" if exchanged else "",
        share_currency="share_currency" if exchanged else ":currency::text",
        share_arrays=", :share_currencies::text[], :share_rates::uuid[]" if exchanged else "",
        share_columns=", share_currency, fx_rate_id" if exchanged else "",
    )


WRITE_DISCOUNTS: Final = """
the_discounts as (
    insert into discount_lines (tenant_id, id, order_id, line_id, source, coupon_id, amount_minor,
                                currency, funder_kind, funder_id)
    select :tenant_id::uuid, given.id, :order_id::uuid, given.line_id, given.source,
           given.coupon_id, given.amount, :currency::text, given.kind, given.party_id
    from ready, unnest(:discount_ids::uuid[], :discount_lines::uuid[], :discount_sources::text[],
                       :discount_coupons::uuid[], :discount_amounts::bigint[],
                       :discount_kinds::text[], :discount_parties::uuid[])
         as given (id, line_id, source, coupon_id, amount, kind, party_id)
)
"""
"""Writes what was taken off the lines, and who bears it."""

_HAND_OVER: Final = """
handed as (
    insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
    select :tenant_id::uuid, (:delivered_ids::uuid[])[taken.n::int], :order_id::uuid,
           taken.line_id, taken.id, moment.now
    from ready, moment, taken {which}
)
"""
HAND_OVER: Final = _HAND_OVER.format(which="")
"""Gives the keys to the buyer."""
HAND_OVER_THE_REST: Final = _HAND_OVER.format(
    which="where taken.line_id <> all (:manual_lines::uuid[])"
)
"""The same for an order of which a person delivers something."""

# The channel's fee is spread over the lines, so that a later refund knows each line's part.
_PAID: Final = """
paid as (
    update orders set payment_status = 'PAID', fulfilment_status = {fulfilment},
           paid_at = moment.now, delivered_at = {delivered_at}, version = version + 1
    from ready, moment where orders.id = :order_id::uuid
), fees as (
    update order_lines set channel_fee_minor = fee.minor
    from ready, unnest(:fee_lines::uuid[], :fees::bigint[]) as fee (line_id, minor)
    where order_lines.order_id = :order_id::uuid and order_lines.id = fee.line_id
      and fee.minor > 0
)
"""
PAID: Final = _PAID.format(fulfilment="'DELIVERED'", delivered_at="moment.now")
"""Makes an order paid that an earlier statement has locked."""
PAID_BY_HAND: Final = _PAID.format(fulfilment=":fulfilment::text", delivered_at="null")
"""The same for an order of which a person delivers something."""


def with_values(*parts: dict[str, Any]) -> dict[str, Any]:
    """The values of several parts together; the same name means the same value."""
    together: dict[str, Any] = {}
    for part in parts:
        assert all(together[name] == part[name] for name in together.keys() & part.keys())
        together |= part
    return together
