"""The market that is measured: three levels of shops with rules of their own, goods, and buyers.

Written by the owner with COPY. The keys' secrets are noise: nothing here opens one.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from billing import accounts
from entrypoints.bench.timing import Size
from kernel import crypto
from kernel.clock import utc_now
from kernel.ids import new_id
from supply.position import pool_position

CURRENCY: Final = "CNY"
SHOPS_PER_AGENT: Final = 5
SUPPLIERS: Final = 5
CATEGORIES: Final = 8
WALLET_MINOR: Final = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class BenchShop:
    """A shop of the third level."""

    id: UUID
    host: str


@dataclass(frozen=True, slots=True)
class BenchSku:
    """A product's only SKU and the one listing that its keys stand in."""

    id: UUID
    listing_id: UUID
    batch_id: UUID
    slug: str


@dataclass(frozen=True, slots=True)
class BenchBuyer:
    """A signed-in customer with more money than the workload can spend."""

    shop: BenchShop
    token: str


@dataclass(frozen=True, slots=True)
class Market:
    """What stands in the template that each workload's databases are made from."""

    shops: tuple[BenchShop, ...]
    skus: tuple[BenchSku, ...]


async def plant_market(owner: asyncpg.Connection, size: Size) -> Market:
    """This function will fill an empty, migrated database."""
    categories = await _plant_categories(owner)
    skus = await _plant_goods(owner, size, categories)
    shops = await _plant_tree(owner, size, categories, skus)
    await restock(owner, skus, keys_each=size.keys_per_sku)
    await owner.execute("vacuum analyze")
    return Market(tuple(shops), tuple(skus))


async def _plant_categories(owner: asyncpg.Connection) -> list[UUID]:
    ids = [new_id() for _ in range(CATEGORIES)]
    rows = [
        (one, [one], f"category-{n}", f"分类 {n}", f"Category {n}") for n, one in enumerate(ids)
    ]
    await _copy(owner, "categories", "id path slug name_zh name_en", rows)
    return ids


async def _plant_goods(
    owner: asyncpg.Connection, size: Size, categories: Sequence[UUID]
) -> list[BenchSku]:
    """A product a SKU, each offered by one supplier, and one batch for all its keys."""
    suppliers = [new_id() for _ in range(SUPPLIERS)]
    rows = [(one, f"supplier {n}", 500) for n, one in enumerate(suppliers)]
    await _copy(owner, "suppliers", "id name commission_bp", rows)
    skus = [BenchSku(new_id(), new_id(), new_id(), f"goods-{n:05d}") for n in range(size.skus)]
    products = [new_id() for _ in skus]
    await _copy(
        owner,
        "products",
        "id category_id slug name_zh name_en description_zh position",
        [
            (
                one,
                categories[n % CATEGORIES],
                sku.slug,
                f"游戏点卡 {n}",
                f"Card {n}",
                "说明" * 60,
                n,
            )
            for n, (one, sku) in enumerate(zip(products, skus, strict=True))
        ],
    )
    await _copy(
        owner,
        "skus",
        "id product_id code name_zh name_en face_value_minor face_currency",
        [
            (sku.id, product, sku.slug, f"{n} 元", f"CNY {n}", 1000 + 100 * n, CURRENCY)
            for n, (product, sku) in enumerate(zip(products, skus, strict=True))
        ],
    )
    await _copy(
        owner,
        "supplier_listings",
        "id supplier_id sku_id supply_price_minor currency",
        [
            (sku.listing_id, suppliers[n % SUPPLIERS], sku.id, 800 + 90 * n, CURRENCY)
            for n, sku in enumerate(skus)
        ],
    )
    rows_of_batches = [
        (sku.batch_id, sku.listing_id, sku.id, os.urandom(32), "ACCEPTED") for sku in skus
    ]
    columns = "id supplier_listing_id sku_id file_hash status"
    await _copy(owner, "key_batches", columns, rows_of_batches)
    return skus


async def _plant_tree(
    owner: asyncpg.Connection, size: Size, categories: Sequence[UUID], skus: Sequence[BenchSku]
) -> list[BenchShop]:
    """Root, agents, shops; every level has rules for all goods, and some for a few."""
    root, now = new_id(), utc_now()
    agents = [new_id() for _ in range(-(-size.shops // SHOPS_PER_AGENT))]
    shops = [BenchShop(new_id(), f"shop-{n}.bench.test") for n in range(size.shops)]
    await _plant_level(owner, "root", [(root, None)])
    await _plant_level(owner, "agent", [(one, root) for one in agents])
    below = [(one.id, agents[n // SHOPS_PER_AGENT]) for n, one in enumerate(shops)]
    await _plant_level(owner, "shop", below)
    domains = [(one.id, new_id(), one.host, "SUBDOMAIN", True, now) for one in shops]
    await _copy(owner, "tenant_domains", "tenant_id id host kind is_primary verified_at", domains)
    rules: list[tuple[UUID, str, str, UUID | None, int]] = [
        (root, "WHOLESALE", "DEFAULT", None, 500),
        (root, "RETAIL", "DEFAULT", None, 2500),
    ]
    for agent in agents:
        rules += [(agent, "WHOLESALE", "DEFAULT", None, 600)]
        rules += [(agent, "WHOLESALE", "CATEGORY", one, 700) for one in categories[:2]]
        rules += [(agent, "RETAIL", "DEFAULT", None, 2200)]
    for shop in shops:
        rules += [(shop.id, "RETAIL", "DEFAULT", None, 2000)]
        rules += [(shop.id, "RETAIL", "SKU", sku.id, 1500) for sku in skus[::10]]
    await _copy(
        owner,
        "price_rules",
        "tenant_id id audience scope target_id kind value",
        [(one, new_id(), *what, "PERCENT_OVER_COST", value) for one, *what, value in rules],
    )
    return shops


async def _plant_level(
    owner: asyncpg.Connection, name: str, tenants: Sequence[tuple[UUID, UUID | None]]
) -> None:
    """Tenants with their parents, who stand there already; the database makes the paths."""
    rows: list[tuple[object, ...]] = [
        (one, parent, [], "AGENT" if parent else "ROOT", f"{name}-{n}", f"{name} {n}", CURRENCY)
        for n, (one, parent) in enumerate(tenants)
    ]
    await _copy(owner, "tenants", "id parent_id path kind slug name currency", rows)


async def plant_buyers(
    owner: asyncpg.Connection, shops: Sequence[BenchShop], *, count: int
) -> list[BenchBuyer]:
    """This function will sign up `count` customers, spread over the shops, with full wallets."""
    buyers = [BenchBuyer(shops[n % len(shops)], crypto.new_token("kmc")) for n in range(count)]
    ids = [new_id() for _ in buyers]
    people = list(zip(buyers, ids, strict=True))
    await _copy(
        owner, "customers", "tenant_id id name", [(b.shop.id, one, "") for b, one in people]
    )
    until = utc_now() + timedelta(days=1)
    await _copy(
        owner,
        "access_tokens",
        "token_hash kind tenant_id principal_id expires_at",
        [(crypto.token_hash(b.token), "CUSTOMER", b.shop.id, one, until) for b, one in people],
    )
    async with owner.transaction():  # the ledger checks at commit that it adds up
        await _plant_wallets(owner, [(b.shop.id, one) for b, one in people])
    return buyers


async def _plant_wallets(owner: asyncpg.Connection, people: Sequence[tuple[UUID, UUID]]) -> None:
    """Money as a succeeded top-up without a fee would have left it."""
    gateway = accounts.gateway("stripe", CURRENCY)
    wallets = [accounts.wallet(customer, CURRENCY) for _, customer in people]
    await _copy(
        owner,
        "ledger_accounts",
        "id code owner_id currency",
        [(one.id, one.code, one.owner_id, one.currency) for one in (gateway, *wallets)],
    )
    payments = [new_id() for _ in people]
    await _copy(
        owner,
        "payments",
        "id tenant_id purpose customer_id method currency channel_minor status provider "
        "provider_ref ended_at",
        [
            (one, tenant, "TOP_UP", customer, "CARD", CURRENCY, WALLET_MINOR, "SUCCEEDED",
             "stripe", f"pi_{one.hex}", utc_now())
            for one, (tenant, customer) in zip(payments, people, strict=True)
        ],
    )  # fmt: skip
    await _copy(
        owner,
        "payment_events",
        "provider event_id kind payment_id provider_ref amount_minor currency effect",
        [
            ("stripe", f"evt_{one.hex}", "payment_intent.succeeded", one, f"pi_{one.hex}",
             WALLET_MINOR, CURRENCY, "TOPPED_UP")
            for one in payments
        ],
    )  # fmt: skip
    transactions = [new_id() for _ in people]
    await _copy(
        owner,
        "ledger_transactions",
        "id kind idempotency_key tenant_id",
        [
            (one, "TOP_UP", f"top-up:{payment}", tenant)
            for one, payment, (tenant, _) in zip(transactions, payments, people, strict=True)
        ],
    )
    entries = [
        (one, account.id, amount_minor, CURRENCY)
        for one, wallet in zip(transactions, wallets, strict=True)
        for account, amount_minor in ((gateway, WALLET_MINOR), (wallet, -WALLET_MINOR))
    ]
    columns = "transaction_id account_id amount_minor currency"
    await _copy(owner, "ledger_entries", columns, entries)


async def restock(owner: asyncpg.Connection, skus: Sequence[BenchSku], *, keys_each: int) -> None:
    """This function will fill each SKU's pool up to `keys_each` keys that can be sold."""
    left = await owner.fetch(
        """select listing.id, count(keys.id) as keys from unnest($1::uuid[]) as listing (id)
           left join keys on keys.supplier_listing_id = listing.id and keys.status = 'AVAILABLE'
           group by listing.id""",
        [sku.listing_id for sku in skus],
    )
    missing = {row["id"]: max(0, keys_each - row["keys"]) for row in left}
    places = await owner.fetch(
        "select nextval('key_positions') as number from generate_series(1, $1)",
        sum(missing.values()),
    )
    numbers = iter(row["number"] for row in places)
    # By turns, as keys of many SKUs lie in a table that has been sold from for a while.
    wanted = [sku for n in range(keys_each) for sku in skus if n < missing[sku.listing_id]]
    await _copy(
        owner,
        "keys",
        "id batch_id supplier_listing_id sku_id position serial secret secret_key_id fingerprint "
        "commitment",
        [_key(sku, next(numbers)) for sku in wanted],
    )


def _key(sku: BenchSku, number: int) -> tuple[object, ...]:
    place = pool_position(expires_on_days=None, sequence=number)
    noise = os.urandom(144)
    secret, fingerprint, commitment = noise[:80], noise[80:112], noise[112:]
    return (
        new_id(),
        sku.batch_id,
        sku.listing_id,
        sku.id,
        place,
        f"S{number:010d}",
        secret,
        1,
        fingerprint,
        commitment,
    )


async def _copy(
    owner: asyncpg.Connection, table: str, columns: str, rows: Sequence[Sequence[object]]
) -> None:
    await owner.copy_records_to_table(table, columns=columns.split(), records=rows)
