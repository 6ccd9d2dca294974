"""What else happens to the money of sales, as steps of a life in which anything may happen.

Bad keys are replaced, banks take payments back, buyers are paid at once, deposits are put down and
held, parties are paid out, accountants correct the ledger, and somebody reads a statement.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as st

from billing.deposits.holds import DepositHold
from billing.deposits.parties import DepositParty
from billing.payouts.batches import Batch
from billing.payouts.ending import ResultLine, record_results
from billing.payouts.parties import PaidPartyKind, Party
from billing.payouts.reviews import Decision
from billing.payouts.rows import Payout
from billing.payouts.states import PayoutState
from bookkeeping import adjustments
from bookkeeping.adjusted_accounts import AdjustedAccount, AdjustedSide
from bookkeeping.adjustments import AdjustmentMove
from bookkeeping.statements.parties import party_of
from bookkeeping.statements.party_accounts import PARTY_ACCOUNTS
from bookkeeping.statements.periods import Period
from bookkeeping.statements.summing import summaries
from deposit_desk import OPERATOR, put_down
from dispute_desk import Bank, disputed, payment_of
from kernel.settings import Settings
from orders.deposits import cases
from orders.fast_refunds import accepting, deciding
from orders.fast_refunds.rows import FastRefund
from orders.replacements.replacing import Wish
from orders.split import PartyKind
from payout_desk import PayoutDesk, earn
from random_markets import Market
from replacement_desk import ask_for_another
from sales import ChannelInMemory, Purchase, key, provider_ref
from statement_desk import lines_of, sums_of

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class NothingToDo(Exception):
    """There is nothing yet that this could happen to."""


@dataclass
class Stage:
    """What all runs share: a loop, a database, and a count of what was done and refused."""

    runner: asyncio.Runner
    owner: asyncpg.Connection
    config: Settings
    channels: dict[str, ChannelInMemory]
    done: Counter[str] = field(default_factory=Counter)

    def run(self, what: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(what)


@dataclass
class Open:
    """What has begun and may end."""

    banks: list[Bank] = field(default_factory=list)
    claims: list[FastRefund] = field(default_factory=list)
    holds: list[tuple[DepositParty, DepositHold]] = field(default_factory=list)
    payouts: PayoutDesk | None = None
    asked: list[Payout] = field(default_factory=list)
    sent: list[tuple[Batch, Payout]] = field(default_factory=list)


class AnyMoney:
    """Steps for `AnySale`; each is done, or refused and has written nothing."""

    WHAT_HAPPENS = (
        "a_bad_key_is_replaced",
        "a_bad_key_is_replaced",
        "a_bad_key_is_replaced",
        "a_bank_takes_a_payment_back",
        "a_bank_has_decided",
        "a_buyer_is_paid_at_once",
        "a_claim_is_decided",
        "a_deposit_is_put_down_and_held",
        "a_hold_of_a_deposit_ends",
        "a_supplier_asks_to_be_paid",
        "payouts_go_out_or_do_not",
        "an_accountant_corrects_the_ledger",
        "somebody_reads_a_statement",
    )
    stage: Stage
    draw: Any
    market: Market
    purchases: list[Purchase]
    open: Open

    def _any(self, things: Sequence[Thing]) -> Thing:
        raise NotImplementedError

    def _attempt(self, name: str, what: Coroutine[Any, Any, Result]) -> Result | None:
        raise NotImplementedError

    def _written(self) -> asyncpg.Record:
        raise NotImplementedError

    def somebody_buys(self) -> None:
        raise NotImplementedError

    def a_bad_key_is_replaced(self) -> None:
        """By an operator, from the same supplier or from another one; a second time it is not."""
        purchase = self._any(self.purchases)
        keys = self.stage.run(
            self.stage.owner.fetch(
                "select id from delivered_keys where order_id = $1 order by id", purchase.id
            )
        )
        bad: UUID = self._any(keys)["id"]
        wish = Wish(purchase.no, bad, "not valid", bool(self.draw(st.booleans())))
        once = key()
        replaced = self._attempt("replaced", ask_for_another(purchase, wish, idempotency_key=once))
        if replaced is not None:
            before = self._written()
            self.stage.run(ask_for_another(purchase, wish, idempotency_key=once))
            assert self._written() == before
            assert self._attempt("replaced twice", ask_for_another(purchase, wish)) is None

    def a_bank_takes_a_payment_back(self) -> None:
        """All of it or a part; hearing of it again changes nothing."""
        purchase = self._any(self.purchases)
        payment = self.stage.run(payment_of(self.stage.owner, purchase.id))
        if payment is None or not payment["channel_minor"]:
            raise NothingToDo
        percent = self.draw(st.sampled_from([30, 100, 100]))
        amount_minor = max(payment["channel_minor"] * percent // 100, 1)
        name = f"-{len(self.open.banks)}"
        bank = disputed(provider_ref(payment["id"]), amount_minor, name=name)
        self._say(bank, "opens")
        self.open.banks.append(bank)

    def a_bank_has_decided(self) -> None:
        """For the buyer or for the shop, and somebody may have said that the goods were bad."""
        bank = self._any(self.open.banks)
        if self.draw(st.booleans()):
            self.stage.run(
                self.stage.owner.execute(
                    "update disputes set goods = 'BAD' where settled_at is null"
                )
            )
        self._say(bank, self.draw(st.sampled_from(["wins", "loses"])))

    def _say(self, bank: Bank, what: str) -> None:
        self.stage.run(getattr(bank, what)())
        self.stage.done[f"bank {what}"] += 1
        before = self._written()
        self.stage.run(getattr(bank, what)())
        assert self._written() == before

    def a_buyer_is_paid_at_once(self) -> None:
        """Out of the supplier's deposit, just after the sale."""
        known = len(self.purchases)
        self.somebody_buys()
        if len(self.purchases) == known:
            raise NothingToDo
        purchase = self.purchases[-1]
        lines = self.stage.run(purchase.lines())
        self._attempt("revealed", purchase.reveal())
        claim = self._attempt(
            "paid at once",
            accepting.accept(
                shop=purchase.shop,
                actor=OPERATOR,
                order_no=purchase.no,
                line_id=lines[0].id,
                kind=self.draw(st.sampled_from(["MISSING", "INVALID"])),
                idempotency_key=key(),
            ),
        )
        if claim is not None:
            self.open.claims.append(claim)

    def a_claim_is_decided(self) -> None:
        """By an operator, once."""
        claim = self._any(self.open.claims)
        uphold = bool(self.draw(st.booleans()))
        name = "upheld" if uphold else "rejected"
        self._attempt(name, deciding.decide(claim.id, uphold=uphold, reason="", actor=OPERATOR))

    def a_deposit_is_put_down_and_held(self) -> None:
        """A supplier's; a case holds a part of it, as far as it goes."""
        supplier_id = self._any(self._any(self.market.goods)).supplier_id
        amount_minor = self.draw(st.integers(1, 30_000))
        party = self.stage.run(put_down("SUPPLIER", supplier_id, amount_minor))
        held = self._attempt(
            "held of a deposit",
            cases.hold(
                party,
                case_id=None,
                amount_minor=self.draw(st.integers(1, 30_000)),
                reason="a claim",
                actor=OPERATOR,
                idempotency_key=key(),
            ),
        )
        if held is not None:
            self.open.holds.append((party, held))

    def a_hold_of_a_deposit_ends(self) -> None:
        """With a penalty, or without."""
        party, held = self._any(self.open.holds)
        deducted_minor = held.amount_minor * self.draw(st.sampled_from([0, 50, 100, 101])) // 100
        ended = cases.end_hold(
            party, held.id, deducted_minor=deducted_minor, reason="decided", actor=OPERATOR
        )
        self._attempt("ended a hold", ended)

    def a_supplier_asks_to_be_paid(self) -> None:
        """What it has earned, and what somebody has given it beside."""
        desk = self.open.payouts
        if desk is None:
            desk = self.open.payouts = self.stage.run(self._open_payouts())
        self.stage.run(earn(desk.party, self.draw(st.sampled_from([1, 12_000, 12_000]))))
        asked = self._attempt("asked for a payout", desk.ask(self.draw(st.integers(9_999, 14_000))))
        if asked is not None:
            self.open.asked.append(asked)

    async def _open_payouts(self) -> PayoutDesk:
        world = self.market.world
        desk = await PayoutDesk.of(world)
        supplier_id = self.market.goods[0][0].supplier_id
        desk.party = Party(PaidPartyKind.SUPPLIER, supplier_id, world.root.id, "CNY")
        await desk.paid_at()
        return desk

    def payouts_go_out_or_do_not(self) -> None:
        """What was asked for is checked, approved and sent, or rejected; a bank says what became of
        what was sent."""
        desk = self.open.payouts
        if desk is None:
            raise NothingToDo
        if self.open.sent and self.draw(st.booleans()):
            batch, payout = self.open.sent.pop()
            for said in self.draw(st.sampled_from([["PAID"], ["FAILED"], ["PAID", "RETURNED"]])):
                self._attempt(f"payout {said}", self._record(desk, batch, payout, said))
            return
        payout = self._any(self.open.asked)
        self.open.asked.remove(payout)
        self.stage.run(desk.check())
        decision = self.draw(st.sampled_from([Decision.APPROVE, Decision.APPROVE, Decision.REJECT]))
        self._attempt(f"payout {decision}", desk.decide(decision, payout))
        batched = self._attempt("batched", desk.batch())
        if batched is not None and self._attempt("sent", desk.send(batched)) is not None:
            self.open.sent.append((batched, payout))

    async def _record(
        self, desk: PayoutDesk, batch: Batch, payout: Payout, said: str
    ) -> list[Payout]:
        holder, proof = await desk.batch_proof()
        line = ResultLine(payout.id, PayoutState(said), "the bank says so")
        return await record_results(
            batch.id, [line], actor=desk.operator, holder=holder, proof=proof
        )

    def an_accountant_corrects_the_ledger(self) -> None:
        """One proposes, and another one decides; no account goes below zero for it."""
        party_id = self._any(self._parties())[1]
        sides = [
            AdjustedSide(AdjustedAccount.AVAILABLE, party_id),
            AdjustedSide(AdjustedAccount.COMPENSATION, None),
        ]
        if self.draw(st.booleans()):
            sides.reverse()
        move = AdjustmentMove(sides[0], sides[1], self.draw(st.integers(1, 5_000)))
        proposed = self._attempt(
            "proposed",
            adjustments.propose(
                root_id=self.market.world.root.id,
                actor="operator:one",
                currency="CNY",
                moves=[move],
                reason="found by an accountant",
                idempotency_key=key(),
            ),
        )
        if proposed is None:  # who never had an account is not invented
            return
        decided = adjustments.decide(adjustment_id=proposed.id, actor="operator:two", post=True)
        self._attempt("corrected", decided)

    def somebody_reads_a_statement(self) -> None:
        """What there was and what has moved are what there is, on every account of the party."""
        kind, party_id = self._any(self._parties())
        self.stage.run(self._statement_adds_up(kind, party_id))
        self.stage.done["read a statement"] += 1

    async def _statement_adds_up(self, kind: PartyKind, party_id: UUID) -> None:
        owner = self.stage.owner
        now = await owner.fetchval("select platform_now()")
        ago = timedelta(minutes=self.draw(st.sampled_from([0, 20, 60 * 24 * 300])))
        party = await party_of(kind, party_id)
        period = Period(party, "CNY", now - ago, now + timedelta(hours=1))
        moved = sums_of(await lines_of(period))
        balances = {
            account.name: await owner.fetchval(
                "select -ledger_balance($1)", account.of(party_id, "CNY").id
            )
            for account in PARTY_ACCOUNTS
        }
        for account in await summaries(period):
            lines_minor = moved.pop(account.name, 0)
            assert account.opening_minor + lines_minor == account.closing_minor
            assert account.closing_minor == balances[account.name]
        assert not moved

    def _parties(self) -> list[tuple[PartyKind, UUID]]:
        suppliers = {one.supplier_id for offers in self.market.goods for one in offers}
        agents = [shop.id for shop in self.market.shops[1:]]
        return [
            *((PartyKind.SUPPLIER, one) for one in sorted(suppliers)),
            *((PartyKind.TENANT, one) for one in agents),
        ]
