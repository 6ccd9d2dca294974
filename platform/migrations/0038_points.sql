-- Points (积分): a shop owes its customers what they may pay with (docs/decisions/0056).

create domain point_count as bigint check (value between 0 and 1000000000);

-- A shop has one program. It can be switched off, which ends the earning and takes nothing from
-- anybody. What a point is worth is a promise: no privilege to change it is given.
create table points_programs (
    tenant_id uuid primary key references tenants (id),
    is_on boolean not null,
    earn_bp basis_points not null,                  -- of what a buyer pays, in points' worth
    point_minor price_minor not null check (point_minor <= 1000000),
    lasts_days integer not null check (lasts_days between 1 and 3650),
    most_bp basis_points not null,                  -- of an order, that points may pay
    least_points point_count not null check (least_points > 0),  -- of one redemption
    created_at timestamptz not null default platform_now()
);
call fence_tenant_table('points_programs');
grant select, insert on points_programs to kameng_core;
grant update (is_on, earn_bp, lasts_days, most_bp, least_points) on points_programs to kameng_core;

-- Whoever reads a shop is told, so that the sales of all others ask nothing about points.
alter table tenants add column has_points boolean not null default false;
create function note_who_has_points() returns trigger language plpgsql as $$
begin
    update tenants set has_points = true where id = new.tenant_id;
    return null;
end $$;
create trigger note_who_has_points after insert on points_programs
    for each row execute function note_who_has_points();

-- Points that came together and end together. What is left of a lot is for redemption; what unpaid
-- orders have reserved is not left.
create table points_lots (
    tenant_id uuid not null,
    id uuid not null,
    customer_id uuid not null,
    origin text not null check (origin in ('EARNED', 'RETURNED', 'GRANTED')),
    order_id uuid,            -- that earned them, or whose refund brought them back
    points point_count not null check (points > 0),
    left_points point_count not null check (left_points <= points),
    expires_at timestamptz not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    foreign key (order_id, tenant_id) references orders (id, tenant_id),
    check ((origin = 'GRANTED') = (order_id is null))
);
create unique index points_lots_of_sale on points_lots (order_id) where origin = 'EARNED';
create index points_lots_left on points_lots (tenant_id, customer_id, expires_at, id)
    where left_points > 0;
create index points_lots_due on points_lots (expires_at) where left_points > 0;
call fence_tenant_table('points_lots');
grant select, insert on points_lots to kameng_core;
grant update (left_points) on points_lots to kameng_core;

-- Every movement of every lot: a lot holds the sum of its rows, and a customer the sum of all.
create table points_moves (
    tenant_id uuid not null,
    customer_id uuid not null,
    number bigint generated always as identity,
    lot_id uuid not null,
    kind text not null
        check (kind in ('EARNED', 'REDEEMED', 'RELEASED', 'RETURNED', 'REVERSED', 'EXPIRED',
                        'GRANTED', 'TAKEN')),
    points bigint not null check (points <> 0),  -- positive: there are more than before
    order_id uuid,
    refund_id uuid references refunds (id) deferrable initially deferred,
    actor text check (length(actor) between 1 and 200),      -- of the shop, who gave or took
    reason text check (length(reason) between 1 and 200),
    request_key text check (length(request_key) between 1 and 128),
    moved_at timestamptz not null,
    primary key (tenant_id, number),
    foreign key (tenant_id, lot_id) references points_lots (tenant_id, id),
    -- Points are taken before their order is written, by the same statement.
    foreign key (order_id, tenant_id) references orders (id, tenant_id)
        deferrable initially deferred,
    check ((kind in ('EARNED', 'RELEASED', 'RETURNED', 'GRANTED')) = (points > 0)),
    check ((kind in ('EXPIRED', 'GRANTED', 'TAKEN')) = (order_id is null)),
    check ((kind in ('RETURNED', 'REVERSED')) = (refund_id is not null)),
    check ((kind in ('GRANTED', 'TAKEN')) = (reason is not null)),
    check ((reason is null) = (actor is null) and (reason is null) = (request_key is null))
);
create index points_moves_of_order on points_moves (order_id) where order_id is not null;
create index points_moves_of_customer on points_moves (tenant_id, customer_id, number desc);
create index points_moves_of_lot on points_moves (tenant_id, lot_id);
create index points_moves_of_request on points_moves (tenant_id, request_key)
    where request_key is not null;
call make_append_only('points_moves');
call fence_tenant_table('points_moves');
grant select, insert on points_moves to kameng_core;

-- A sale's points are promised line by line when the order is made; null: nothing is.
alter table order_lines add column earned_points point_count check (earned_points > 0);

-- What a refund keeps back for points that it would take, and that are spent.
alter table refunds add column points_minor part_minor not null default 0,
    drop constraint refunds_check,
    add constraint refunds_parts_check
        check (wallet_minor + channel_minor + points_minor = amount_minor);

-- Takes so many of a customer's points, those that end first, from the lot of the order's own sale
-- before all others; says how many there were. Whoever moves points of one customer waits here, and
-- each statement below takes a new picture: it sees what was committed meanwhile.
create function draw_points(
    shop uuid, of_customer uuid, wanted bigint, move_kind text, of_order uuid, of_refund uuid,
    by_actor text, said_reason text, of_request text, moment timestamptz
) returns bigint language plpgsql volatile as $$
declare
    drawn bigint;
begin
    perform from customers where tenant_id = shop and id = of_customer for no key update;
    with live as (
        select id, left_points, expires_at,
               origin = 'EARNED' and order_id is not distinct from of_order as is_own
        from points_lots
        where tenant_id = shop and customer_id = of_customer and left_points > 0
          and expires_at > moment
        order by expires_at, id
        for no key update
    ), running as (
        select id, left_points,
               sum(left_points) over (order by is_own desc, expires_at, id) - left_points as before
        from live
    ), part as (
        select id, least(left_points, wanted - before)::bigint as points
        from running where before < wanted
    ), lowered as (
        update points_lots lot set left_points = lot.left_points - part.points
        from part where lot.tenant_id = shop and lot.id = part.id
    ), noted as (
        insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id, refund_id,
                                  actor, reason, request_key, moved_at)
        select shop, of_customer, id, move_kind, -points, of_order, of_refund, by_actor,
               said_reason, of_request, moment
        from part
    )
    select coalesce(sum(points), 0) into drawn from part;
    return drawn;
end $$;

-- How many points an order has brought that its refunds may still take back: those that have ended
-- are the shop's again. Locks the customer and the lot, and then adds up.
create function owed_points(of_order uuid, of_customer uuid) returns bigint
language plpgsql volatile as $$
begin
    perform from customers where tenant_id = current_tenant_id() and id = of_customer
    for no key update;
    perform from points_lots where order_id = of_order and origin = 'EARNED' for no key update;
    return coalesce((
        select lot.points
               + coalesce((select sum(points) from points_moves
                           where tenant_id = lot.tenant_id and lot_id = lot.id
                             and kind = 'EXPIRED'), 0)
               + coalesce((select sum(points) from points_moves
                           where order_id = of_order and kind = 'REVERSED'), 0)
               - coalesce((select sum(points_minor) from refunds where order_id = of_order), 0)
                 / (select point_minor from points_programs where tenant_id = lot.tenant_id)
        from points_lots lot where lot.order_id = of_order and lot.origin = 'EARNED'), 0);
end $$;

-- Gives back what an order has reserved, to the lots that it came from: once.
create function release_points(of_order uuid, moment timestamptz) returns bigint
language plpgsql volatile as $$
declare
    released bigint;
begin
    perform from customers where (tenant_id, id) in (
        select tenant_id, customer_id from points_moves where order_id = of_order) for no key update;
    with outstanding as (
        select tenant_id, customer_id, lot_id, -sum(points)::bigint as points
        from points_moves
        where order_id = of_order and kind in ('REDEEMED', 'RELEASED')
        group by tenant_id, customer_id, lot_id having sum(points) < 0
    ), raised as (
        update points_lots lot set left_points = lot.left_points + outstanding.points
        from outstanding
        where lot.tenant_id = outstanding.tenant_id and lot.id = outstanding.lot_id
    ), noted as (
        insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id, moved_at)
        select tenant_id, customer_id, lot_id, 'RELEASED', points, of_order, moment from outstanding
    )
    select coalesce(sum(points), 0) into released from outstanding;
    return released;
end $$;
