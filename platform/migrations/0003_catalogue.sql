-- What can be sold at all: one catalogue for the platform, and what each tenant hides or renames.

create table categories (
    id uuid primary key,
    parent_id uuid references categories (id),
    path uuid[] not null check (path[cardinality(path)] = id),  -- top first, itself last
    slug text not null unique,
    name_zh text not null,
    name_en text not null,
    position integer not null default 0
);

create table products (
    id uuid primary key,
    category_id uuid not null references categories (id),
    slug text not null unique,
    name_zh text not null,
    name_en text not null,
    description_zh text not null default '',
    description_en text not null default '',
    platform text not null default '',
    position integer not null default 0,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'ARCHIVED'))
);
create index products_by_position on products (position, id) where status = 'ACTIVE';
create index products_by_category on products (category_id, position, id) where status = 'ACTIVE';

create table skus (
    id uuid primary key,
    product_id uuid not null references products (id),
    code text not null unique,
    name_zh text not null,
    name_en text not null,
    face_value_minor bigint check (face_value_minor > 0),
    face_currency text check (face_currency ~ '^[A-Z]{3}$'),
    region text not null default 'CN',
    delivery_mode text not null default 'AUTO_KEY'
        check (delivery_mode in ('AUTO_KEY', 'SHARED_KEY', 'DIRECT_TOPUP', 'MANUAL', 'PHYSICAL')),
    scope_of_use_zh text not null default '',
    scope_of_use_en text not null default '',
    validity_days integer check (validity_days > 0),  -- from redemption; null: no limit
    min_remaining_days integer not null default 0 check (min_remaining_days >= 0),
    usage_rules_zh text[] not null default '{}',
    usage_rules_en text[] not null default '{}',
    redeem_steps_zh text[] not null default '{}',
    redeem_steps_en text[] not null default '{}',
    max_per_order integer not null default 500 check (max_per_order between 1 and 500),
    position integer not null default 0,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'ARCHIVED')),
    check ((face_value_minor is null) = (face_currency is null))
);
create index skus_of_product on skus (product_id, position, id) where status = 'ACTIVE';

grant select on categories, products, skus to kameng_shop;
grant select, insert, update on categories, products, skus to kameng_core;

-- Goods are inherited down the tree: no row means "as the parent has it". A row that is not
-- visible takes the SKU off this shop and off every shop below it.
create table tenant_listings (
    tenant_id uuid not null references tenants (id),
    sku_id uuid not null references skus (id),
    visible boolean not null default true,
    title_override text check (length(title_override) between 1 and 200),
    primary key (tenant_id, sku_id)
);
create index tenant_listings_hidden on tenant_listings (sku_id, tenant_id) where not visible;
call fence_path_table('tenant_listings');
grant select, insert, update, delete on tenant_listings to kameng_core;
