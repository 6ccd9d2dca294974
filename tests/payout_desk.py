"""Money out, as its tests do it: a party with earnings, its proofs, and operators who decide."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import asyncpg

from billing import accounts, ledger
from billing.payouts import batches, checking, reviews, rows
from billing.payouts.bank_numbers import BankAccount
from billing.payouts.batches import Batch
from billing.payouts.methods import PayoutMethod, set_method
from billing.payouts.parties import Actor, PaidPartyKind, Party
from billing.payouts.requests import cancel_payout, request_payout
from billing.payouts.reviews import Decision, review_payouts
from billing.payouts.rows import Payout
from billing.payouts.states import MethodKind
from identity.models import TokenKind
from identity.step_up import Holder, Purpose
from kernel import crypto, db
from kernel.ids import new_id
from kernel.settings import Settings, settings
from world import Person, World

ACCOUNT = BankAccount.written(holder="王小明", number="6222 0212 3456 7890", bank="中国工商银行")
EARNED_MINOR = 5_000_000


async def earn(party: Party, amount_minor: int = EARNED_MINOR) -> None:
    """Let a party have so much available."""
    async with db.transaction(db.core_scope(party.tenant_id)):
        await ledger.post(
            [
                ledger.debit(accounts.bank(party.currency), amount_minor),
                ledger.credit(accounts.party_available(party.id, party.currency), amount_minor),
            ],
            kind="EARNED",
            idempotency_key=f"earned:{new_id()}",
            tenant_id=None,
        )


async def owe(party: Party, amount_minor: int) -> None:
    """Let a party owe the platform so much."""
    async with db.transaction(db.core_scope(party.tenant_id)):
        await ledger.post(
            [
                ledger.debit(accounts.receivable(party.id, party.currency), amount_minor),
                ledger.credit(accounts.bank(party.currency), amount_minor),
            ],
            kind="OWED",
            idempotency_key=f"owed:{new_id()}",
            tenant_id=None,
        )


async def prove(holder: Holder, purpose: Purpose) -> str:
    """A proof as a second confirmation would have left it: hashing passwords takes its time."""
    proof = crypto.new_token("kmv")
    async with db.transaction(db.core_scope()):
        await db.execute(
            """insert into step_up_challenges (id, token_hash, principal_kind, principal_id,
                                               purpose, means, expires_at, proof_hash)
               values ($1, $2, $3, $4, $5, 'PASSWORD', platform_now() + interval '5 minutes',
                       $6)""",
            new_id(),
            holder.token_hash,
            holder.kind,
            holder.principal_id,
            purpose,
            crypto.token_hash(proof),
        )
    return proof


def holder_of(person: Person, kind: TokenKind) -> Holder:
    """Somebody with a token."""
    return Holder(kind, person.id, crypto.token_hash(person.token))


@dataclass
class PayoutDesk:
    """A shop's finance, and two operators."""

    world: World
    finance: Person
    operators: tuple[Person, Person]
    party: Party = field(init=False)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """Of the owner's one connection, where many are at the desk."""

    def __post_init__(self) -> None:
        shop = self.world.shop
        self.party = Party(PaidPartyKind.TENANT, shop.id, shop.id, "CNY")

    @classmethod
    async def of(cls, world: World) -> "PayoutDesk":
        """People at a desk that nobody has come to yet."""
        operators = (await world.operator(), await world.operator())
        return cls(world, await world.staff("FINANCE"), operators)

    @property
    def owner(self) -> asyncpg.Connection:
        return self.world.owner

    @property
    def config(self) -> Settings:
        return settings()

    @property
    def holder(self) -> Holder:
        return holder_of(self.finance, TokenKind.STAFF)

    @property
    def actor(self) -> Actor:
        return Actor(f"staff:{self.finance.id}", self.finance.id)

    async def paid_at(
        self, account: BankAccount | None = ACCOUNT, *, party: Party | None = None
    ) -> PayoutMethod:
        """Say where the party is paid, and let a day pass for it."""
        method = await set_method(
            party or self.party,
            account=account,
            actor=self.actor,
            holder=self.holder,
            proof=await prove(self.holder, Purpose.PAYOUT_METHOD),
        )
        async with self.lock:
            await self.owner.execute(
                "update payout_methods set usable_at = platform_now() where id = $1", method.id
            )
        return method

    async def ask(
        self, amount_minor: int, *, key: str | None = None, proof: str | None = None
    ) -> Payout:
        """Ask for a payout."""
        return await request_payout(
            self.party,
            amount_minor=amount_minor,
            actor=self.actor,
            holder=self.holder,
            proof=proof or await prove(self.holder, Purpose.PAYOUT_REQUEST),
            idempotency_key=key or new_id().hex,
        )

    async def cancel(self, payout: Payout, *, party: Party | None = None) -> Payout:
        return await cancel_payout(party or self.party, payout.id, actor=self.actor)

    async def check(self) -> None:
        """Let the time to cancel pass, and the worker look."""
        async with self.lock:
            await self.owner.execute(
                "update payouts set next_step_at = platform_now() where state = 'REQUESTED'"
            )
        await checking.check_requests(50)

    async def decide(
        self, decision: Decision, *payouts: Payout, by: int = 0, note: str = "looked at"
    ) -> list[Payout]:
        """Let an operator decide."""
        operator = self.operators[by]
        holder = holder_of(operator, TokenKind.OPERATOR)
        return await review_payouts(
            [payout.id for payout in payouts],
            decision,
            note=note,
            actor=Actor(f"operator:{operator.id}", operator.id),
            holder=holder,
            proof=await prove(holder, Purpose.PAYOUT_REVIEW),
        )

    async def hold(self, payout: Payout) -> Payout:
        return await reviews.hold_payout(payout.id, reason="wait", actor=self.operator)

    @property
    def operator(self) -> Actor:
        return Actor(f"operator:{self.operators[0].id}", self.operators[0].id)

    async def approved(self, amount_minor: int) -> Payout:
        """A payout that was asked for and approved, by two where it takes two."""
        payout = await self.ask(amount_minor)
        await self.check()
        for by in range(payout.approvals_needed):
            (payout,) = await self.decide(Decision.APPROVE, payout, by=by)
        return payout

    async def batch(self, kind: MethodKind = MethodKind.BANK_ACCOUNT) -> Batch:
        return await batches.create_batch(currency="CNY", method_kind=kind, actor=self.operator)

    async def batch_proof(self) -> tuple[Holder, str]:
        holder = holder_of(self.operators[0], TokenKind.OPERATOR)
        return holder, await prove(holder, Purpose.PAYOUT_BATCH)

    async def send(self, batch: Batch) -> Batch:
        holder, proof = await self.batch_proof()
        return await batches.send_batch(batch.id, actor=self.operator, holder=holder, proof=proof)

    async def sent(self, amount_minor: int, kind: MethodKind = MethodKind.BANK_ACCOUNT) -> Payout:
        """A payout on its way."""
        payout = await self.approved(amount_minor)
        await self.send(await self.batch(kind))
        return await self.now(payout)

    async def now(self, payout: Payout) -> Payout:
        """The payout as it is stored."""
        async with db.transaction(db.every_tenant(reason="a test looks"), read_only=True):
            found = await rows.by_id(payout.id)
        assert found is not None
        return found

    async def state(self, payout: Payout) -> str:
        return (await self.now(payout)).state

    async def books(self) -> dict[str, int]:
        """What the accounts hold, credits positive, without those that hold nothing."""
        found = await self.owner.fetch(
            """select code, sum(-ledger_balance(id))::bigint as held from ledger_accounts
               group by code"""
        )
        return {row["code"]: row["held"] for row in found if row["held"]}

    async def later(self, passed: timedelta) -> None:
        """Let time pass."""
        await self.world.shift_clock(f"{passed.total_seconds()} seconds")


async def written(owner: asyncpg.Connection, of: UUID) -> tuple[int, int]:
    """How many payouts of a party there are, and how many postings at all."""
    row = await owner.fetchrow(
        """select (select count(*) from payouts where party_id = $1),
                  (select count(*) from ledger_transactions)""",
        of,
    )
    assert row is not None
    return row[0], row[1]
