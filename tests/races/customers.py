"""A crowd of customers with money, planted in a few statements."""

import asyncpg

from billing import accounts
from kernel import crypto
from kernel.ids import new_id
from world import Person, World


async def rich_customers(world: World, count: int, *, wallet_minor: int) -> list[Person]:
    """Signed-in customers of the shop, each with so much in the wallet, in minor units."""
    people = [Person(new_id(), crypto.new_token("kmc")) for _ in range(count)]
    shop_id = world.shop.id
    await world.owner.executemany(
        "insert into customers (tenant_id, id, name) values ($1, $2, 'buyer')",
        [(shop_id, person.id) for person in people],
    )
    await world.owner.executemany(
        """insert into access_tokens (token_hash, kind, tenant_id, principal_id, expires_at)
           values ($1, 'CUSTOMER', $2, $3, now() + interval '1 day')""",
        [(crypto.token_hash(person.token), shop_id, person.id) for person in people],
    )
    async with world.owner.transaction():
        await _top_up_each(world.owner, world, people, wallet_minor)
    return people


async def _top_up_each(
    owner: asyncpg.Connection, world: World, people: list[Person], wallet_minor: int
) -> None:
    """What a succeeded top-up without a fee would have left of each."""
    gateway = accounts.gateway("stripe", "CNY")
    wallets = [accounts.wallet(person.id, "CNY") for person in people]
    payments = [new_id() for _ in people]
    postings = [new_id() for _ in people]
    await owner.executemany(
        """insert into payments (id, tenant_id, purpose, customer_id, method, currency,
                                 channel_minor, status, provider, provider_ref, ended_at)
           values ($1, $2, 'TOP_UP', $3, 'CARD', 'CNY', $4, 'SUCCEEDED', 'stripe', $5, now())""",
        [
            (payment_id, world.shop.id, person.id, wallet_minor, f"pi_planted_{payment_id.hex}")
            for payment_id, person in zip(payments, people, strict=True)
        ],
    )
    await owner.executemany(
        """insert into payment_events (provider, event_id, kind, payment_id, amount_minor,
                                       currency, effect)
           values ('stripe', $1, 'planted', $2, $3, 'CNY', 'TOPPED_UP')""",
        [(f"evt_planted_{payment.hex}", payment, wallet_minor) for payment in payments],
    )
    await owner.executemany(
        "insert into ledger_accounts (id, code, owner_id, currency) values ($1, $2, $3, $4)",
        [(one.id, one.code, one.owner_id, one.currency) for one in (gateway, *wallets)],
    )
    await owner.executemany(
        """insert into ledger_transactions (id, kind, idempotency_key, tenant_id)
           values ($1, 'TOP_UP', $2, $3)""",
        [
            (posting, f"top-up:{payment}", world.shop.id)
            for posting, payment in zip(postings, payments, strict=True)
        ],
    )
    await owner.execute(
        """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
           select leg.* from unnest($1::uuid[], $2::uuid[]) as posted (posting_id, wallet_id),
           lateral (values (posting_id, $3::uuid, $4::bigint, 'CNY'),
                           (posting_id, wallet_id, -$4, 'CNY')) as leg""",
        postings,
        [wallet.id for wallet in wallets],
        gateway.id,
        wallet_minor,
    )
