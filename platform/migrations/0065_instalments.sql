-- The platform's own instalment plans (docs/decisions/0077): goods for parts of their price.

-- What an operator has agreed on with a shop; whether it is offered to buyers the shop says itself.
create table instalment_terms (
    tenant_id uuid primary key references tenants (id),
    is_offered boolean not null default false,
    most_parts smallint not null check (most_parts between 2 and 12),
    first_bp basis_points not null check (first_bp between 500 and 5000),
    interval_days smallint not null check (interval_days between 1 and 92),
    grace_days smallint not null check (grace_days between 0 and 60),
    fee_bp basis_points not null check (fee_bp between 0 and 3000),
    fee_by text not null check (fee_by in ('SHOP', 'BUYER')),
    least_minor price_minor not null check (least_minor >= 100),
    most_open smallint not null check (most_open between 1 and 20),
    release text not null check (release in ('BY_SHARE', 'AT_END', 'AT_START')),
    set_by text not null,
    set_at timestamptz not null default platform_now()
);
call fence_tenant_table('instalment_terms');
grant select, insert on instalment_terms to kameng_core;
grant update on instalment_terms to kameng_core;
call audit_decisions('instalment_terms', 'tenant_id',
    'is_offered most_parts first_bp fee_bp fee_by most_open release');

call admit_domain_values('payment_purpose', 'INSTALMENT');
call admit_domain_values('payment_method', 'INSTALMENT');

-- The plan itself pays the order, once and whole; its parts are payments that pay the plan.
alter table payments rename constraint payments_check2 to payments_purpose_check;
alter table payments rename constraint payments_check5 to payments_channel_check;
alter table payments
    drop constraint payments_purpose_check, add constraint payments_purpose_check check (
        case purpose when 'ORDER' then true
                     when 'TOP_UP' then customer_id is not null and wallet_minor = 0
                     when 'INSTALMENT' then customer_id is not null
                     else customer_id is null and wallet_minor = 0 end),
    drop constraint payments_channel_check, add constraint payments_channel_check check (
        (method in ('WALLET', 'TRADE', 'INSTALMENT')) = (channel_minor = 0)),
    add constraint payments_of_plan_check check (
        method <> 'INSTALMENT' or (purpose = 'ORDER' and customer_id is not null));

-- One plan an order. PROPOSED: nothing is paid yet, and it may still be another one.
create table instalment_plans (
    tenant_id uuid not null,
    order_id uuid not null,
    customer_id uuid not null,
    currency currency_code not null,
    total_minor price_minor not null,
    buyer_fee_minor part_minor not null,
    shop_fee_bp basis_points not null,
    parts smallint not null check (parts between 2 and 12),
    interval_days smallint not null check (interval_days between 1 and 92),
    grace_days smallint not null check (grace_days between 0 and 60),
    release text not null check (release in ('BY_SHARE', 'AT_END', 'AT_START')),
    state text not null default 'PROPOSED'
        check (state in ('PROPOSED', 'OPEN', 'PAID', 'ENDED', 'DEFAULTED')),
    began_at timestamptz,
    ended_at timestamptz,
    bad_debt_minor part_minor not null default 0,
    primary key (order_id, tenant_id),
    foreign key (order_id, tenant_id) references orders (id, tenant_id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    check ((state = 'PROPOSED') = (began_at is null)),
    check ((state in ('PAID', 'ENDED', 'DEFAULTED')) = (ended_at is not null)),
    check (bad_debt_minor = 0 or state = 'DEFAULTED')
);
create index instalment_plans_of_customer on instalment_plans (tenant_id, customer_id)
    where state in ('PROPOSED', 'OPEN');
call fence_tenant_table('instalment_plans');
grant select, insert, update on instalment_plans to kameng_core;

create table instalments (
    tenant_id uuid not null,
    order_id uuid not null,
    part smallint not null check (part between 1 and 12),
    amount_minor price_minor not null,
    waived_minor part_minor not null default 0,
    state text not null default 'DUE' check (state in ('DUE', 'LATE', 'PAID', 'DISPUTED', 'WAIVED')),
    due_at timestamptz,
    told_at timestamptz,      -- that it is due soon
    paid_at timestamptz,
    paid_by uuid references payments (id),
    primary key (order_id, part, tenant_id),
    foreign key (order_id, tenant_id) references instalment_plans (order_id, tenant_id),
    check (waived_minor <= amount_minor),
    check ((state = 'WAIVED') = (waived_minor = amount_minor)),
    check ((state in ('PAID', 'DISPUTED')) = (paid_at is not null)),
    check ((state in ('PAID', 'DISPUTED')) = (paid_by is not null))
);
create index instalments_to_look_after on instalments (due_at) where state in ('DUE', 'LATE');
call fence_tenant_table('instalments');
grant select, insert, update, delete on instalments to kameng_core;

-- What a payment is for: one part, or (null) all that was open when it began.
create table instalment_payments (
    payment_id uuid primary key references payments (id),
    tenant_id uuid not null,
    order_id uuid not null,
    part smallint check (part between 1 and 12),
    foreign key (order_id, tenant_id) references instalment_plans (order_id, tenant_id)
);
create index instalment_payments_of_order on instalment_payments (order_id);
call fence_tenant_table('instalment_payments');
grant select, insert on instalment_payments to kameng_core;

-- The lines that wait for their parts: what is paid for them stays in escrow until all is handed
-- over, and of their keys the first so many are the buyer's.
create table instalment_lines (
    tenant_id uuid not null,
    order_id uuid not null,
    line_id uuid not null,
    quantity integer not null check (quantity > 0),
    handed integer not null default 0,
    state text not null default 'WAITING' check (state in ('WAITING', 'DELIVERED', 'ENDED')),
    ended_at timestamptz,
    primary key (line_id, tenant_id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id),
    foreign key (order_id, tenant_id) references instalment_plans (order_id, tenant_id),
    check (handed between 0 and quantity),
    check ((state = 'DELIVERED') = (handed = quantity)),
    check ((state = 'WAITING') = (ended_at is null))
);
create index instalment_lines_of_order on instalment_lines (order_id);
call fence_tenant_table('instalment_lines');
grant select, insert, update on instalment_lines to kameng_core;

-- Whatever the code believes: what has ended stays ended, and a part that was paid is open again
-- only by a dispute that takes the money.
create function check_plan_transition() returns trigger language plpgsql as $$
begin
    if not (old.state, new.state) in (('PROPOSED', 'OPEN'), ('OPEN', 'PAID'), ('OPEN', 'ENDED'),
                                      ('OPEN', 'DEFAULTED')) then
        raise exception 'a plan does not go from % to %', old.state, new.state
            using errcode = 'check_violation', constraint = 'instalment_plans_transition';
    end if;
    return new;
end $$;
create trigger instalment_plans_transition before update of state on instalment_plans
    for each row when (old.state is distinct from new.state)
    execute function check_plan_transition();

call admit_event_types('instalment.due', 'instalment.ended');
call admit_domain_values('object_kind', 'instalment');

-- Goods that are paid in parts earn no points, and their order says itself how far it is.
grant update (earned_points) on order_lines to kameng_core;
grant update (by_hand) on orders to kameng_core;

-- Points are taken off a line before its order is paid, and never put on one.
create function refuse_more_points() returns trigger language plpgsql as $$
begin
    if new.earned_points is not null or not exists (
        select from orders where id = new.order_id and payment_status = 'PENDING') then
        raise exception 'a line earns what it was sold with, or nothing'
            using errcode = 'check_violation', constraint = 'order_lines_points_transition';
    end if;
    return new;
end $$;
create trigger order_lines_points_transition before update of earned_points on order_lines
    for each row when (old.earned_points is distinct from new.earned_points)
    execute function refuse_more_points();
