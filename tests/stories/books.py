"""What the stories check behind the buyers' backs: the ledger, keys, payments and refunds."""

from collections import Counter
from uuid import UUID

import asyncpg

from billing import accounts
from billing.ledger import Account
from kernel.ids import new_id
from stories.buyers import Purchase, Stall
from world import Person, World


class Books:
    """The books of one stall, with its parties called by their names in the worked example."""

    def __init__(
        self, world: World, stall: Stall, *, buyer: Person | None = None, star: Person | None = None
    ) -> None:
        self._owner: asyncpg.Connection = world.owner
        self._stall = stall
        self._names = {
            stall.goods.supplier_id: "supplier",
            world.agent.id: "T1",
            stall.shop.id: "T2",
            **({buyer.id: "buyer"} if buyer else {}),
            **({star.id: "affiliate"} if star else {}),
        }

    async def of_order(self, purchase: Purchase) -> dict[str, int]:
        """What an order has moved in all: minor units by account, debits positive."""
        return await self._sums("o.no = $1", purchase.no)

    async def of_shop(self) -> dict[str, int]:
        """What everything in this shop has moved in all."""
        return await self._sums("t.tenant_id = $1", self._stall.shop.id)

    async def _sums(self, which: str, value: str | UUID) -> dict[str, int]:
        rows = await self._owner.fetch(
            f"""select a.code, a.owner_id, e.currency, sum(e.amount_minor)::bigint as minor
                from ledger_transactions t left join orders o on o.id = t.order_id
                join ledger_entries e on e.transaction_id = t.id
                join ledger_accounts a on a.id = e.account_id
                where {which} group by 1, 2, 3 having sum(e.amount_minor) <> 0""",
            value,
        )
        return {self._name(row): row["minor"] for row in rows}

    def _name(self, row: asyncpg.Record) -> str:
        parts = [row["code"]]
        if row["owner_id"] is not None:
            parts.append(self._names[row["owner_id"]])
        if row["currency"] != "CNY":
            parts.append(row["currency"])
        return " ".join(parts)

    async def keys(self) -> dict[str, int]:
        """How many of the stall's keys are in which state."""
        rows = await self._owner.fetch(
            "select status from keys where supplier_listing_id = $1", self._stall.goods.listing_id
        )
        return dict(Counter(row["status"] for row in rows))

    async def effects(self, purchase: Purchase) -> list[str]:
        """What the reports about an order's payments came to, without those that did nothing."""
        rows = await self._owner.fetch(
            """select e.effect from payment_events e join payments p on p.id = e.payment_id
               join orders o on o.id = p.order_id
               where o.no = $1 and e.effect not in ('NOTHING', 'ENDED')
               order by e.received_at""",
            purchase.no,
        )
        return [row["effect"] for row in rows]

    async def refunds(self, purchase: Purchase) -> list[tuple[str, str, int]]:
        """An order's refunds as (reason, status, minor units)."""
        rows = await self._owner.fetch(
            """select r.reason, r.status, r.amount_minor
               from refunds r join orders o on o.id = r.order_id
               where o.no = $1 order by r.sequence""",
            purchase.no,
        )
        return [(row["reason"], row["status"], row["amount_minor"]) for row in rows]

    async def stored_status(self, purchase: Purchase) -> str:
        """The order's payment status as it stands in its row."""
        status: str = await self._owner.fetchval(
            "select payment_status from orders where no = $1", purchase.no
        )
        return status

    async def put_down_deposit(self, party_id: UUID, amount_minor: int) -> None:
        """Plant a seller's deposit, paid in at the bank."""
        account = accounts.deposit_free(party_id, "CNY")
        bank = Account("A:BANK", "CNY")
        transaction_id = new_id()
        async with self._owner.transaction():
            for one in (account, bank):
                await self._owner.execute(
                    """insert into ledger_accounts (id, code, owner_id, currency)
                       values ($1, $2, $3, $4) on conflict do nothing""",
                    one.id,
                    one.code,
                    one.owner_id,
                    one.currency,
                )
            await self._owner.execute(
                """insert into ledger_transactions (id, kind, idempotency_key)
                   values ($1, 'DEPOSIT', $2)""",
                transaction_id,
                f"deposit:{transaction_id}",
            )
            await self._owner.execute(
                """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
                   values ($1, $2, $4, 'CNY'), ($1, $3, -$4::bigint, 'CNY')""",
                transaction_id,
                bank.id,
                account.id,
                amount_minor,
            )
