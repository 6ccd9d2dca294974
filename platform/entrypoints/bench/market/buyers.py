"""Customers with tokens and full wallets."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from billing import accounts
from entrypoints.bench.market.records import CURRENCY, BenchBuyer, BenchShop
from kernel import crypto
from kernel.clock import utc_now
from kernel.ids import new_id

WALLET_MINOR: Final = 1_000_000_000_000


async def plant_buyers(
    owner: asyncpg.Connection, shops: Sequence[BenchShop], *, count: int
) -> list[BenchBuyer]:
    """Sign up `count` customers, spread over the shops, with full wallets."""
    stride = max(1, len(shops) // count)
    buyers = [
        BenchBuyer(new_id(), shops[n * stride % len(shops)], crypto.new_token("kmc"))
        for n in range(count)
    ]
    await _copy(owner, "customers", "tenant_id id name", [(b.shop.id, b.id, "") for b in buyers])
    until = utc_now() + timedelta(days=1)
    await _copy(
        owner,
        "access_tokens",
        "token_hash kind tenant_id principal_id expires_at",
        [(crypto.token_hash(b.token), "CUSTOMER", b.shop.id, b.id, until) for b in buyers],
    )
    async with owner.transaction():  # the ledger checks at commit that it adds up
        await _plant_wallets(owner, [(b.shop.id, b.id) for b in buyers])
    return buyers


async def _plant_wallets(owner: asyncpg.Connection, people: Sequence[tuple[UUID, UUID]]) -> None:
    """Money as a succeeded top-up without a fee would have left it."""
    gateway = accounts.gateway("stripe", CURRENCY)
    wallets = [accounts.wallet(customer, CURRENCY) for _, customer in people]
    await owner.executemany(
        "insert into ledger_accounts (id, code, owner_id, currency) values ($1, $2, $3, $4) "
        "on conflict do nothing",  # the gateway's is there since the first customers
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


async def _copy(
    owner: asyncpg.Connection, table: str, columns: str, rows: Sequence[Sequence[object]]
) -> None:
    await owner.copy_records_to_table(table, columns=columns.split(), records=rows)
