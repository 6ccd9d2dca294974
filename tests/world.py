"""A small world for tests: a tree of shops, goods with keys, people with tokens.

Planted by the owner with plain SQL, so that a test of the product does not rest on the product.
The prices are those of the worked example (domain 2): supply 80.00, T1 pays 85.00, T2 pays 90.00
and asks 110.00; the supplier's commission is 5 %, the affiliate's rate 3 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from kernel import crypto
from kernel.ids import new_id
from key_rows import FreeKey, insert_keys

MONTH = "now() + interval '30 days'"


@dataclass(frozen=True)
class ShopAt:
    """One tenant of the world."""

    id: UUID
    slug: str
    path: tuple[UUID, ...]

    @property
    def host(self) -> str:
        return f"{self.slug}.localhost"


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Goods:
    """One SKU with one supplier's listing of it."""

    product_id: UUID
    sku_id: UUID
    listing_id: UUID
    supplier_id: UUID
    slug: str


@dataclass
class World:
    """Everything planted; tests plant more with the functions below."""

    owner: asyncpg.Connection
    root: ShopAt
    agent: ShopAt
    shop: ShopAt
    category_id: UUID
    goods: Goods
    batch_ids: dict[UUID, UUID] = field(default_factory=dict)

    async def another_shop(self, slug: str, *, below: ShopAt | None = None) -> ShopAt:
        """An agent's shop; by default a sibling of `shop` below the agent."""
        return await plant_tenant(self.owner, slug, parent=below or self.agent)

    async def customer(self, shop: ShopAt | None = None, *, wallet_minor: int = 0) -> Person:
        """A customer of a shop, signed in, with so much in the wallet."""
        shop = shop or self.shop
        customer_id = new_id()
        await self.owner.execute(
            "insert into customers (tenant_id, id, name) values ($1, $2, 'buyer')",
            shop.id,
            customer_id,
        )
        if wallet_minor:
            await plant_wallet_money(self.owner, shop.id, customer_id, wallet_minor)
        return Person(customer_id, await self.token("CUSTOMER", shop.id, customer_id))

    async def staff(self, *roles: str, shop: ShopAt | None = None) -> Person:
        """A member of a shop's staff."""
        shop = shop or self.shop
        staff_id = new_id()
        await self.owner.execute(
            "insert into staff_users (id, name) values ($1, 'staff')", staff_id
        )
        await self.owner.execute(
            "insert into memberships (tenant_id, staff_id, roles) values ($1, $2, $3)",
            shop.id,
            staff_id,
            list(roles),
        )
        return Person(staff_id, await self.token("STAFF", shop.id, staff_id))

    async def api_client(self, *scopes: str, shop: ShopAt | None = None) -> Person:
        """An API client of a shop; without scopes it reads the catalogue and orders."""
        shop = shop or self.shop
        client_id = new_id()
        await self.owner.execute(
            """insert into api_clients (tenant_id, id, name, scopes)
               values ($1, $2, 'client', $3)""",
            shop.id,
            client_id,
            list(scopes or ("API_CATALOGUE_READ", "API_ORDERS_READ")),
        )
        return Person(client_id, await self.token("API_CLIENT", shop.id, client_id))

    async def affiliate(
        self, code: str = "star", *, rate_bp: int = 300, shop: ShopAt | None = None
    ) -> Person:
        """An affiliate of a shop with a program of its own."""
        shop = shop or self.shop
        program_id, affiliate_id = new_id(), new_id()
        await self.owner.execute(
            """insert into affiliate_programs (tenant_id, id, name, rate_bp)
               values ($1, $2, 'program', $3)""",
            shop.id,
            program_id,
            rate_bp,
        )
        await self.owner.execute(
            """insert into affiliates (tenant_id, id, program_id, name, code)
               values ($1, $2, $3, 'affiliate', $4)""",
            shop.id,
            affiliate_id,
            program_id,
            code,
        )
        return Person(affiliate_id, await self.token("AFFILIATE", shop.id, affiliate_id))

    async def operator(self) -> Person:
        """An operator of the platform."""
        staff_id = new_id()
        await self.owner.execute(
            "insert into staff_users (id, name) values ($1, 'operator')", staff_id
        )
        return Person(staff_id, await self.token("OPERATOR", None, staff_id))

    async def supplier_token(self) -> Person:
        """The supplier of the world's goods, with a token."""
        supplier_id = self.goods.supplier_id
        return Person(supplier_id, await self.token("SUPPLIER", None, supplier_id))

    async def token(self, kind: str, tenant_id: UUID | None, principal_id: UUID) -> str:
        """A token of a kind, good for a month."""
        prefixes = {
            "CUSTOMER": "kmc",
            "STAFF": "kms",
            "API_CLIENT": "kma",
            "AFFILIATE": "kmf",
            "SUPPLIER": "kmu",
            "OPERATOR": "kmo",
        }
        token = crypto.new_token(prefixes[kind])
        await self.owner.execute(
            f"""insert into access_tokens (token_hash, kind, tenant_id, principal_id, expires_at)
                values ($1, $2, $3, $4, {MONTH})""",
            crypto.token_hash(token),
            kind,
            tenant_id,
            principal_id,
        )
        return token

    async def more_goods(
        self, slug: str, *, supply_minor: int = 8000, supplier_id: UUID | None = None
    ) -> Goods:
        """Another product with one SKU and one listing."""
        return await plant_goods(
            self.owner, self.category_id, slug, supply_minor=supply_minor, supplier_id=supplier_id
        )

    async def keys(
        self,
        count: int,
        goods: Goods | None = None,
        *,
        secrets: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> list[str]:
        """Put keys into the pool; returns their secrets."""
        goods = goods or self.goods
        texts = list(secrets or (f"KEY-{new_id().hex}" for _ in range(count)))
        batch_id = self.batch_ids.get(goods.listing_id)
        if batch_id is None:
            batch_id = self.batch_ids[goods.listing_id] = await plant_batch(self.owner, goods)
        await insert_keys(
            self.owner,
            [
                FreeKey(batch_id, goods.listing_id, goods.sku_id, text, expires_at=expires_at)
                for text in texts
            ],
        )
        return texts

    async def rule(
        self,
        shop: ShopAt,
        audience: str,
        kind: str,
        value: int,
        *,
        scope: str = "DEFAULT",
        target_id: UUID | None = None,
    ) -> None:
        """A price rule of a shop, replacing the one for the same target."""
        await plant_rule(self.owner, shop, audience, kind, value, scope, target_id)

    async def asks(self, shop: ShopAt, price_minor: int, **seat: Any) -> UUID:
        """A rule by which a shop asks so much for the world's SKU of whomever the seat names.

        Returns the rule's id. Unlike `rule`, it replaces nothing.
        """
        columns = {"audience": "RETAIL", "scope": "SKU", "target_id": self.goods.sku_id, **seat}
        rule_id = new_id()
        row = {"tenant_id": shop.id, "id": rule_id, "kind": "ABSOLUTE", "value": price_minor}
        await plant_row(self.owner, "price_rules", **{**row, **columns})
        return rule_id

    async def grade(self, shop: ShopAt, name: str = "gold", *, rank: int = 1) -> UUID:
        """A grade that a shop may give to its children."""
        return await self._ranked("agent_grades", shop, name, rank)

    async def tier(
        self, shop: ShopAt, name: str = "gold", *, rank: int = 1, **columns: Any
    ) -> UUID:
        """A tier that a shop may give to its customers, or with a threshold they reach."""
        return await self._ranked("membership_tiers", shop, name, rank, **columns)

    async def promotion(self, shop: ShopAt, **columns: Any) -> UUID:
        """A promotion that runs since yesterday."""
        promotion_id = new_id()
        since = await self.owner.fetchval("select now() - interval '1 day'")
        row = {"tenant_id": shop.id, "id": promotion_id, "name": "sale", "starts_at": since}
        await plant_row(self.owner, "promotions", **{**row, **columns})
        return promotion_id

    async def _ranked(self, table: str, shop: ShopAt, name: str, rank: int, **columns: Any) -> UUID:
        ranked_id = new_id()
        row = {"tenant_id": shop.id, "id": ranked_id, "name": name, "rank": rank}
        await plant_row(self.owner, table, **row, **columns)
        return ranked_id

    async def shift_clock(self, interval: str) -> None:
        """Move the platform's clock by an interval like '16 minutes'."""
        await self.owner.execute(
            """insert into sandbox_clock (shift) values ($1::text::interval)
               on conflict (only_row) do update set shift = excluded.shift""",
            interval,
        )


async def build_world(owner: asyncpg.Connection, *, keys: int = 20) -> World:
    """The worked example's three levels: root, agent (T1), shop (T2), and one SKU."""
    root = await plant_tenant(owner, "root", parent=None)
    agent = await plant_tenant(owner, "agent", parent=root)
    shop = await plant_tenant(owner, "shop", parent=agent)
    category_id = new_id()
    await owner.execute(
        """insert into categories (id, path, slug, name_zh, name_en)
           values ($1, array[$1::uuid], 'games', '游戏', 'Games')""",
        category_id,
    )
    goods = await plant_goods(owner, category_id, "genshin-moon", supply_minor=8000)
    world = World(owner, root, agent, shop, category_id, goods)
    await world.rule(root, "WHOLESALE", "FIXED_OVER_COST", 500)
    await world.rule(agent, "WHOLESALE", "FIXED_OVER_COST", 500)
    await world.rule(agent, "RETAIL", "FIXED_OVER_COST", 2000)
    await world.rule(shop, "RETAIL", "FIXED_OVER_COST", 2000)
    if keys:
        await world.keys(keys)
    return world


async def plant_tenant(owner: asyncpg.Connection, slug: str, *, parent: ShopAt | None) -> ShopAt:
    """A tenant with one verified domain, `slug.localhost`."""
    tenant_id = new_id()
    await owner.execute(
        """insert into tenants (id, parent_id, path, kind, slug, name, currency)
           values ($1, $2, '{}', $3, $4, $4, 'CNY')""",
        tenant_id,
        parent.id if parent else None,
        "AGENT" if parent else "ROOT",
        slug,
    )
    await owner.execute(
        """insert into tenant_domains (tenant_id, id, host, kind, is_primary, verified_at)
           values ($1, $2, $3, 'SUBDOMAIN', true, now())""",
        tenant_id,
        new_id(),
        f"{slug}.localhost",
    )
    return ShopAt(tenant_id, slug, (*(parent.path if parent else ()), tenant_id))


async def plant_goods(
    owner: asyncpg.Connection,
    category_id: UUID,
    slug: str,
    *,
    supply_minor: int,
    supplier_id: UUID | None = None,
) -> Goods:
    """A product with one SKU, offered by one supplier (a new one unless named)."""
    product_id, sku_id, listing_id = new_id(), new_id(), new_id()
    await owner.execute(
        """insert into products (id, category_id, slug, name_zh, name_en)
           values ($1, $2, $3, $3, $3)""",
        product_id,
        category_id,
        slug,
    )
    await owner.execute(
        """insert into skus (id, product_id, code, name_zh, name_en, face_value_minor,
                             face_currency)
           values ($1, $2, $3, $3, $3, 10000, 'CNY')""",
        sku_id,
        product_id,
        slug,
    )
    if supplier_id is None:
        supplier_id = new_id()
        await owner.execute(
            "insert into suppliers (id, name, commission_bp) values ($1, $2, 500)",
            supplier_id,
            f"supplier of {slug}",
        )
    await owner.execute(
        """insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency)
           values ($1, $2, $3, $4, 'CNY')""",
        listing_id,
        supplier_id,
        sku_id,
        supply_minor,
    )
    return Goods(product_id, sku_id, listing_id, supplier_id, slug)


async def plant_rate(owner: asyncpg.Connection, base: str, quote: str, value: str) -> UUID:
    """What a currency is worth, for ten years from an hour ago on."""
    rate_id = new_id()
    await owner.execute(
        """insert into fx_rates (id, base, quote, value, source, taken_at, fresh_until, set_by)
           values ($1, $2, $3, $4::text::numeric, 'a bank', now() - interval '1 hour',
                   now() + interval '10 years', 'somebody')""",
        rate_id,
        base,
        quote,
        value,
    )
    return rate_id


async def plant_batch(owner: asyncpg.Connection, goods: Goods) -> UUID:
    """A finished batch for a listing."""
    batch_id = new_id()
    await owner.execute(
        """insert into key_batches (id, supplier_listing_id, sku_id, file_hash, status)
           values ($1, $2, $3, $4, 'ACCEPTED')""",
        batch_id,
        goods.listing_id,
        goods.sku_id,
        crypto.token_hash(str(batch_id)),
    )
    return batch_id


async def plant_row(owner: asyncpg.Connection, table: str, **values: Any) -> None:
    """One row of a table."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await owner.execute(
        f"insert into {table} ({', '.join(values)}) values ({places})", *values.values()
    )


async def plant_rule(
    owner: asyncpg.Connection,
    shop: ShopAt,
    audience: str,
    kind: str,
    value: int,
    scope: str,
    target_id: UUID | None,
) -> None:
    """A price rule, in place of the one for the same target."""
    await owner.execute(
        """delete from price_rules where tenant_id = $1 and audience = $2 and scope = $3
           and target_id is not distinct from $4""",
        shop.id,
        audience,
        scope,
        target_id,
    )
    await owner.execute(
        """insert into price_rules (tenant_id, id, audience, scope, target_id, kind, value)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        shop.id,
        new_id(),
        audience,
        scope,
        target_id,
        kind,
        value,
    )


async def plant_wallet_money(
    owner: asyncpg.Connection, tenant_id: UUID, customer_id: UUID, amount_minor: int
) -> None:
    """Money in a wallet, as a succeeded top-up without a fee would have left it."""
    from billing import accounts  # noqa: PLC0415 - only who plants money needs the ledger's names

    payment_id, transaction_id = new_id(), new_id()
    gateway = accounts.gateway("stripe", "CNY")
    wallet = accounts.wallet(customer_id, "CNY")
    async with owner.transaction():
        await owner.execute(
            """insert into payments (id, tenant_id, purpose, customer_id, method, currency,
                                     channel_minor, status, provider, provider_ref, ended_at)
               values ($1, $2, 'TOP_UP', $3, 'CARD', 'CNY', $4, 'SUCCEEDED', 'stripe', $5,
                       now())""",
            payment_id,
            tenant_id,
            customer_id,
            amount_minor,
            f"pi_planted_{payment_id.hex}",
        )
        await owner.execute(
            """insert into payment_events (provider, event_id, kind, payment_id, provider_ref,
                                           amount_minor, currency, effect)
               select provider, 'evt_planted_' || id, 'payment_intent.succeeded', id, provider_ref,
                      channel_minor, currency, 'TOPPED_UP'
               from payments where id = $1""",
            payment_id,
        )
        for account in (gateway, wallet):
            await owner.execute(
                """insert into ledger_accounts (id, code, owner_id, currency)
                   values ($1, $2, $3, $4) on conflict do nothing""",
                account.id,
                account.code,
                account.owner_id,
                account.currency,
            )
        await owner.execute(
            """insert into ledger_transactions (id, kind, idempotency_key, tenant_id)
               values ($1, 'TOP_UP', $2, $3)""",
            transaction_id,
            f"top-up:{payment_id}",
            tenant_id,
        )
        await owner.execute(
            """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
               values ($1, $2, $4, 'CNY'), ($1, $3, -$4::bigint, 'CNY')""",
            transaction_id,
            gateway.id,
            wallet.id,
            amount_minor,
        )
