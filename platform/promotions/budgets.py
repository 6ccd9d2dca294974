"""Promotion budgets: prepaid money that pays for what others than the shop give away.

A party's budget is `L:PROMO` of that party; the platform's has no owner. The platform states its
own by booking it: `E:PROMO` to `L:PROMO`, so that one rule, that no liability goes below zero,
bounds every budget alike (docs/decisions/0043).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg

from billing import accounts, ledger, payout_gate
from billing.ledger import Account, credit, debit
from kernel import db
from kernel.errors import Invalid, Refusal
from kernel.money import MAX_AMOUNT_MINOR
from promotions.discounts import Discount, PayerKind
from tenants.directory import Shop


class TopUpConflict(Refusal):
    """The idempotency key was used for another amount."""

    code = "IDEMPOTENCY_CONFLICT"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a budget holds, in minor units: free, and held for orders that wait for payment."""

    free_minor: int
    held_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class TopUp:
    """Money for the budget of a party (None: the platform's), out of its available earnings, or
    credited by the platform."""

    tenant_id: UUID
    party_id: UUID | None
    amount_minor: int
    currency: str
    from_earnings: bool
    idempotency_key: str

    @property
    def posting_key(self) -> str:
        """The ledger's own idempotency key: a second posting of it is impossible."""
        return f"promo-top-up:{self.tenant_id}:{self.party_id or 'platform'}:{self.idempotency_key}"

    @property
    def source(self) -> Account:
        """Where the money comes from."""
        if self.from_earnings:
            assert self.party_id is not None
            return accounts.party_available(self.party_id, self.currency)
        return accounts.expense("PROMO", self.currency)


async def top_up_budget(wish: TopUp) -> Budget:
    """Add money to a budget, once for an idempotency key; returns what it holds then.

    Raises `InsufficientBalance` when the party has not earned as much, `InDebt` and
    `PayoutsStopped` where it may not use it, `Invalid`, `TopUpConflict`.
    """
    if not 1 <= wish.amount_minor <= MAX_AMOUNT_MINOR:
        raise Invalid("A top-up is at least one minor unit.", field="amount")
    if not 1 <= len(wish.idempotency_key) <= 128:
        raise Invalid(
            "An idempotency key has 1 to 128 characters, best a random UUID.",
            field="idempotencyKey",
        )
    try:
        async with db.transaction(db.core_scope(wish.tenant_id)):
            if not await _is_done(wish):
                await _post(wish)
    except asyncpg.UniqueViolationError:  # the same request, at the same moment
        async with db.transaction(db.core_scope(wish.tenant_id), read_only=True):
            await _is_done(wish)
    return await budget_of(wish.tenant_id, wish.party_id, wish.currency)


async def _is_done(wish: TopUp) -> bool:
    """Whether the request was answered before; `TopUpConflict` when it asked for something else."""
    known: int | None = await db.fetch_value(
        """select -sum(entry.amount_minor)::bigint from ledger_transactions posted
           join ledger_entries entry on entry.transaction_id = posted.id and entry.account_id = $2
           where posted.idempotency_key = $1""",
        wish.posting_key,
        accounts.promo(wish.party_id, wish.currency).id,
    )
    if known is not None and known != wish.amount_minor:
        raise TopUpConflict(
            "This idempotency key was used for another request.", field="idempotencyKey"
        )
    return known is not None


async def _post(wish: TopUp) -> None:
    if wish.from_earnings:
        assert wish.party_id is not None
        await ledger.require(wish.source, wish.amount_minor, field="amount")
        kind: Literal["TENANT", "SUPPLIER"] = (
            "TENANT" if wish.party_id == wish.tenant_id else "SUPPLIER"
        )
        await payout_gate.require_free_to_give(kind, wish.party_id)
    await ledger.post(
        [
            debit(wish.source, wish.amount_minor),
            credit(accounts.promo(wish.party_id, wish.currency), wish.amount_minor),
        ],
        kind="PROMO_TOP_UP",
        idempotency_key=wish.posting_key,
        tenant_id=wish.tenant_id,
    )


async def budget_of(tenant_id: UUID, party_id: UUID | None, currency: str) -> Budget:
    """What a budget holds, read in a round trip of its own."""
    (row,) = await db.read(
        db.core_scope(tenant_id),
        "select -ledger_balance($1::uuid) as free_minor, -ledger_balance($2::uuid) as held_minor",
        accounts.promo(party_id, currency).id,
        accounts.promo_held(party_id, currency).id,
    )
    return Budget(row["free_minor"], row["held_minor"], currency)


def needs_by_party(discounts: Iterable[Discount]) -> dict[UUID | None, int]:
    """What each budget has to give for these discounts, in minor units; None: the platform's."""
    needs: dict[UUID | None, int] = {}
    for discount in discounts:
        for part in discount.parts:
            if part.kind is not PayerKind.SHOP:
                needs[part.party_id] = needs.get(part.party_id, 0) + part.amount_minor
    return needs


async def short_parties(shop: Shop, needs: Mapping[UUID | None, int]) -> set[UUID | None]:
    """Whose budgets hold less than is needed of them, in minor units; None: the platform's."""
    if not needs:
        return set()
    budgets = {accounts.promo(party, shop.currency).id: party for party in needs}
    rows = await db.read(
        db.core_scope(shop.id, path=shop.path),
        """select id, -ledger_balance(id) as held_minor
           from unnest($1::uuid[]) as budget (id)""",
        list(budgets),
    )
    held = {budgets[row["id"]]: row["held_minor"] for row in rows}
    return {party for party, needed_minor in needs.items() if held[party] < needed_minor}
