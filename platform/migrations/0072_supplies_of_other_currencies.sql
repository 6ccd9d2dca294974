-- A supplier is owed in its own currency. In the order's, what that costs is a share of its own
-- (EXCHANGE), which keeps the rate that the order was priced at.

call admit_domain_values('share_role', 'EXCHANGE');
-- A rate is never deleted, so no key guards it: a key would be asked by every share of every sale.
alter table line_shares add column fx_rate_id uuid;
-- An offer is hidden while there is no fresh rate for its supply.
call admit_values('price_alerts', 'price_alerts_guard_check', 'RATE');

-- As before; and the only share in another currency is a supplier's, beside the one that buys it.
create or replace function check_shares() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select distinct order_id, line_id, tenant_id from shared) as written
        left join (order_lines line join orders on orders.id = line.order_id)
            on (line.order_id, line.id, line.tenant_id, orders.tenant_id)
             = (written.order_id, written.line_id, written.tenant_id, written.tenant_id)
        where line.id is null or line.net_minor is distinct from (
            select sum(share.amount_minor) from line_shares share
            where share.order_id = line.order_id and share.line_id = line.id
              and share.currency = orders.currency)
           or exists (select from shared where shared.order_id = orders.id
                      and (shared.currency <> orders.currency or shared.role = 'EXCHANGE'
                           or shared.fx_rate_id is not null)))
    then
        if exists (
            select from (select distinct order_id, line_id, tenant_id from shared) as written
            left join (order_lines line join orders on orders.id = line.order_id)
                on (line.order_id, line.id, line.tenant_id, orders.tenant_id)
                 = (written.order_id, written.line_id, written.tenant_id, written.tenant_id)
            where line.id is null
               or exists (
                    select from shared one
                    where one.order_id = orders.id
                      and (one.currency <> orders.currency or one.role = 'EXCHANGE'
                           or one.fx_rate_id is not null)
                      and not exists (
                        select from line_shares supply
                        join line_shares bridge
                            on (bridge.order_id, bridge.line_id)
                             = (supply.order_id, supply.line_id)
                        join fx_rates rate on rate.id = bridge.fx_rate_id
                            and (rate.base, rate.quote) = (supply.currency, bridge.currency)
                        where (supply.order_id, supply.line_id) = (one.order_id, one.line_id)
                          and supply.role = 'SUPPLY' and bridge.role = 'EXCHANGE'
                          and supply.fx_rate_id is null and bridge.currency = orders.currency
                          and one.id in (supply.id, bridge.id)))
               or line.net_minor is distinct from (
                    select sum(share.amount_minor) from line_shares share
                    where share.order_id = line.order_id and share.line_id = line.id
                      and share.currency = orders.currency
                ) - (select coalesce(sum(moved.given_up_minor + moved.cover_minor), 0)
                     from key_replacements moved
                     where moved.order_id = line.order_id and moved.line_id = line.id))
        then
            raise exception 'shares without their line, or that are not its net amount'
                using errcode = 'check_violation', constraint = 'line_shares_add_up';
        end if;
    end if;
    return null;
end $$;
