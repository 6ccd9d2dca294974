-- Coupons with a named payer (docs/decisions/0043).

create domain promotion_payer as text
    check (value in ('SHOP', 'TENANT', 'PLATFORM', 'SUPPLIER'));

-- What a coupon promises never changes, only whether it is honoured now: so an order may rest on
-- terms that were read before it.
create table coupons (
    tenant_id uuid not null references tenants (id),  -- who issued it
    id uuid primary key,
    name text not null check (length(name) between 1 and 80),
    kind text not null check (kind in ('PERCENT', 'FIXED')),
    percent_bp basis_points check (percent_bp > 0),
    amount_minor price_minor,
    cap_minor price_minor,                    -- the most that a percentage takes off
    currency currency_code not null,
    reach text not null check (reach in ('SHOP', 'SUBTREE')),
    sku_ids uuid[] not null default '{}' check (cardinality(sku_ids) <= 100),
    category_ids uuid[] not null default '{}' check (cardinality(category_ids) <= 100),
    tier_ids uuid[] not null default '{}' check (cardinality(tier_ids) <= 100),
    first_order boolean not null default false,
    min_subtotal_minor part_minor not null default 0,
    max_uses integer check (max_uses between 1 and 100000),
    max_uses_per_customer smallint check (max_uses_per_customer between 1 and 100),
    guests boolean not null,                  -- known by their contact; false: customers only
    stacking text not null check (stacking in ('EXCLUSIVE', 'WITH_OTHERS')),
    returned_by_refund boolean not null,      -- a wholly refunded order gives the use back
    listed boolean not null,                  -- shown to every customer
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'PAUSED')),
    created_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    check ((kind = 'PERCENT') = (percent_bp is not null)),
    check ((kind = 'FIXED') = (amount_minor is not null)),
    check (cap_minor is null or kind = 'PERCENT'),
    check (ends_at > starts_at),
    -- A guest whose uses are not counted has as many as he likes.
    check (not first_order or not guests),
    -- Tiers are a shop's own, and a guest has none.
    check (cardinality(tier_ids) = 0 or (reach = 'SHOP' and not guests))
);
create index coupons_of_tenant on coupons (tenant_id, created_at desc, id desc);
create trigger never_deleted before delete on coupons
    for each row execute function refuse_change();
call fence_path_table('coupons');
grant select, insert on coupons to kameng_core;
grant update (status) on coupons to kameng_core;

-- Who bears what of a coupon's discount: the parts add up to all of it.
create table coupon_payers (
    tenant_id uuid not null,
    coupon_id uuid not null,
    place smallint not null check (place between 1 and 5),
    kind promotion_payer not null,
    party_id uuid,  -- a tenant; a supplier, or null for the supplier of the line
    share_bp basis_points not null check (share_bp > 0),
    primary key (coupon_id, place),
    foreign key (tenant_id, coupon_id) references coupons (tenant_id, id),
    check (kind <> 'TENANT' or party_id is not null),
    check (kind not in ('SHOP', 'PLATFORM') or party_id is null)
);
create unique index coupon_payers_once on coupon_payers (coupon_id, kind, party_id)
    nulls not distinct;
call make_append_only('coupon_payers');
call fence_path_table('coupon_payers');
grant select, insert on coupon_payers to kameng_core;

create function check_coupon_payers() returns trigger language plpgsql as $$
begin
    if (select sum(share_bp) from coupon_payers where coupon_id = new.id) is distinct from 10000 then
        raise exception 'the parts of coupon % are not its whole', new.id
            using errcode = 'check_violation', constraint = 'coupon_payers_add_up';
    end if;
    return null;
end $$;
create constraint trigger coupon_payers_add_up after insert on coupons
    deferrable initially deferred for each row execute function check_coupon_payers();

-- In clear: shops hand them out and print them, and a code alone is worth a discount at most.
create table coupon_codes (
    tenant_id uuid not null,
    id uuid primary key,
    coupon_id uuid not null,
    code text not null check (code ~ '^[0-9A-Z][0-9A-Z-]{2,30}[0-9A-Z]$'),
    is_single boolean not null,  -- good for one use, whoever comes first
    created_at timestamptz not null default platform_now(),
    unique (tenant_id, code),
    foreign key (tenant_id, coupon_id) references coupons (tenant_id, id)
);
create index coupon_codes_of_coupon on coupon_codes (coupon_id, id);
call make_append_only('coupon_codes');
call fence_path_table('coupon_codes');
grant select, insert on coupon_codes to kameng_core;

-- Each use of a coupon with a limit has a place of its own, so that buyers do not queue for a
-- counter: they lock different places, and pass over those that others have locked.
create table coupon_slots (
    coupon_id uuid not null references coupons (id),
    slot integer not null check (slot > 0),
    use_id uuid,
    primary key (coupon_id, slot)
);
create index coupon_slots_free on coupon_slots (coupon_id, slot) where use_id is null;
create unique index coupon_slots_used on coupon_slots (use_id) where use_id is not null;
grant select, insert on coupon_slots to kameng_core;
grant update (use_id) on coupon_slots to kameng_core;

create table coupon_uses (
    tenant_id uuid not null,  -- of the order
    id uuid primary key,
    coupon_id uuid not null,
    code_id uuid not null,
    order_id uuid not null,
    holder sha256_hash,       -- who is counted: a customer, or a guest's contact; null: nobody is
    holder_place smallint check (holder_place > 0),
    holder_places smallint,
    single_code_id uuid,
    first_order_of uuid,
    returned_by_refund boolean not null,
    created_at timestamptz not null,
    released_at timestamptz,
    released_for text check (released_for in ('EXPIRED', 'CANCELED', 'REFUNDED')),
    -- The use is taken before its order is written, by the same statement.
    foreign key (order_id, tenant_id) references orders (id, tenant_id)
        deferrable initially deferred,
    check ((released_at is null) = (released_for is null)),
    check ((holder is null) = (holder_place is null)),
    check (holder_place <= holder_places)
);
create unique index coupon_uses_of_order on coupon_uses (order_id, coupon_id)
    where released_at is null;
create unique index coupon_uses_of_holder on coupon_uses (coupon_id, holder, holder_place)
    where released_at is null and holder is not null;
create unique index coupon_uses_of_code on coupon_uses (single_code_id)
    where released_at is null and single_code_id is not null;
create unique index coupon_uses_of_first_order on coupon_uses (first_order_of)
    where released_at is null and first_order_of is not null;
call fence_tenant_table('coupon_uses');
grant select, insert on coupon_uses to kameng_core;
grant update (released_at, released_for) on coupon_uses to kameng_core;

-- Takes one use of a coupon for an order; says why not, or null. Each of its statements takes a new
-- picture, so it sees who was quicker. Whoever waits here waits for a use that another order is
-- taking or giving back: "exhausted" is said only when it is true.
create function take_coupon(
    use uuid, shop uuid, of_order uuid, named_coupon uuid, named_code uuid,
    counted sha256_hash, places smallint, is_limited boolean, is_single boolean, first_of uuid,
    by_refund boolean, moment timestamptz
) returns text language plpgsql volatile as $$
declare
    taken boolean := false;
    free integer;
begin
    for place in 1 .. coalesce(places, 1) loop
        insert into coupon_uses (tenant_id, id, coupon_id, code_id, order_id, holder, holder_place,
                                 holder_places, single_code_id, first_order_of, returned_by_refund,
                                 created_at)
        values (shop, use, named_coupon, named_code, of_order, counted,
                case when counted is not null then place end, places,
                case when is_single then named_code end, first_of, by_refund, moment)
        on conflict do nothing;
        taken := found;
        exit when taken;
    end loop;
    if not taken then
        return 'USED';
    end if;
    if is_limited then
        select slot into free from coupon_slots
        where coupon_id = named_coupon and use_id is null order by slot limit 1
        for no key update skip locked;
        if free is null then
            select slot into free from coupon_slots
            where coupon_id = named_coupon and use_id is null order by slot limit 1
            for no key update;
        end if;
        if free is null then
            return 'EXHAUSTED';
        end if;
        update coupon_slots set use_id = use where coupon_id = named_coupon and slot = free;
    end if;
    return null;
end $$;

-- Whether a coupon is honoured at a moment, in a shop, for somebody's first order.
create function coupon_refusal(
    named_coupon uuid, named_code uuid, shop uuid, shop_path uuid[], first_of uuid, moment timestamptz
) returns text language plpgsql volatile as $$
begin
    return case
        when not exists (
                 select from coupons join coupon_codes on coupon_codes.coupon_id = coupons.id
                 where coupons.id = named_coupon and coupon_codes.id = named_code and status = 'ACTIVE'
                   and starts_at <= moment and ends_at > moment
                   and coupons.tenant_id = any (shop_path)
                   and (reach = 'SUBTREE' or coupons.tenant_id = shop))
            then 'ENDED'
        when first_of is not null and exists (
                 select from orders where tenant_id = shop and customer_id = first_of
                                      and payment_status = 'PAID')
            then 'NOT_FIRST'
    end;
end $$;

-- Gives back the uses of an order that has ended: each once.
create function release_coupons(of_order uuid, reason text, moment timestamptz) returns bigint
language plpgsql volatile as $$
declare
    gone uuid[];
begin
    with released as (
        update coupon_uses set released_at = moment, released_for = reason
        where order_id = of_order and released_at is null
          and (reason <> 'REFUNDED' or returned_by_refund)
        returning id
    )
    select array_agg(id) into gone from released;
    update coupon_slots set use_id = null where use_id = any (gone);
    return coalesce(cardinality(gone), 0);
end $$;

-- A line's net is what the split divides: its list price less what the shop itself gives away. Of
-- the net, others than the buyer pay the funded part.
alter table order_lines
    add column funded_minor part_minor not null default 0,
    drop constraint order_lines_check,
    add constraint order_lines_refunded_check
        check (refunded_minor between 0 and net_minor - funded_minor),
    add constraint order_lines_net_check
        check (funded_minor < net_minor and net_minor <= unit_price_minor * quantity);
grant select (funded_minor) on order_lines to kameng_shop;

create table discount_lines (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    line_id uuid not null,
    source text not null check (source in ('COUPON', 'POINTS')),
    coupon_id uuid,
    amount_minor price_minor not null,
    currency currency_code not null,
    funder_kind text not null
        check (funder_kind in ('SHOP', 'TENANT', 'PLATFORM', 'SUPPLIER', 'POINTS')),
    funder_id uuid,
    returned_minor part_minor not null default 0,
    primary key (order_id, id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id),
    check (returned_minor <= amount_minor),
    check ((source = 'COUPON') = (coupon_id is not null)),
    check ((funder_kind in ('SHOP', 'PLATFORM')) = (funder_id is null)),
    check (funder_kind <> 'SHOP' or returned_minor = 0)
);
call fence_tenant_table('discount_lines');
grant select, insert on discount_lines to kameng_core;
grant update (returned_minor) on discount_lines to kameng_core;

-- The discounts of a line are what its price was lowered by, as soon as one of them is written.
create function check_discounts() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select distinct order_id, line_id from discounted) as written
        join order_lines line on (line.order_id, line.id) = (written.order_id, written.line_id)
        join lateral (
            select sum(amount_minor) as taken_off,
                   coalesce(sum(amount_minor) filter (where funder_kind <> 'SHOP'), 0) as funded
            from discount_lines given
            where given.order_id = line.order_id and given.line_id = line.id
        ) as given on true
        where given.funded <> line.funded_minor
           or given.taken_off
              <> line.unit_price_minor * line.quantity - line.net_minor + line.funded_minor)
    then
        raise exception 'discounts that are not what their line was lowered by'
            using errcode = 'check_violation', constraint = 'discount_lines_add_up';
    end if;
    return null;
end $$;
create trigger discount_lines_add_up after insert on discount_lines
    referencing new table as discounted
    for each statement execute function check_discounts();
