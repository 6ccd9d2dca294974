"""One deposit, many who hold, deduct, release and put down: never below nothing (A20)."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from billing import ledger
from billing.deposits.holds import DepositHold
from billing.deposits.parties import DepositParty
from billing.ledger import Account
from deposit_desk import OPERATOR, ask_for, put_down
from entrypoints.verify import verify
from kernel.ids import new_id
from kernel.settings import Settings
from offers.quotes import Wish
from orders import paying, reveal
from orders.deposits import cases, measuring
from orders.drafts import Buyer
from orders.fast_refunds import accepting, deciding
from orders.records import Viewer
from orders.reveal import Witness
from races.crowd import Outcome, all_at_once
from races.mutants import Meeting
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

CALLERS, PIECE_MINOR, AFFORDABLE = 400, 700, 47


@pytest.fixture
async def party(database: Settings, world: World) -> DepositParty:
    """A supplier whose deposit is enough for 47 holds and a little more."""
    supplier_id = world.goods.supplier_id
    return await put_down("SUPPLIER", supplier_id, AFFORDABLE * PIECE_MINOR + 1)


async def hold(party: DepositParty, case_id: UUID | None = None) -> DepositHold:
    return await cases.hold(
        party,
        case_id=case_id,
        amount_minor=PIECE_MINOR,
        reason="a claim",
        actor=OPERATOR,
        idempotency_key=new_id().hex,
    )


async def end(party: DepositParty, held: DepositHold, deducted_minor: int) -> DepositHold:
    return await cases.end_hold(
        party, held.id, deducted_minor=deducted_minor, reason="decided", actor=OPERATOR
    )


async def balance(owner: asyncpg.Connection, account: Account) -> int:
    """What an account holds, added up from its entries."""
    held: int = await owner.fetchval(
        """select coalesce(-sum(amount_minor), 0)::bigint from ledger_entries
           where account_id = $1""",
        account.id,
    )
    return held


async def test_four_hundred_holds_take_what_there_is_and_each_ends_once(
    party: DepositParty, world: World, database: Settings
) -> None:
    outcome = await all_at_once(hold(party) for _ in range(CALLERS))

    assert (len(outcome.done), outcome.errors) == (AFFORDABLE, [])
    assert outcome.refused == {"DEPOSIT_TOO_LOW": CALLERS - AFFORDABLE}
    assert await balance(world.owner, party.free) == 1
    ends: Outcome[DepositHold] = await all_at_once(
        end(party, one, 100 if number % 2 else 0) for one in outcome.done for number in range(6)
    )
    assert (len(ends.done), ends.errors) == (AFFORDABLE, [])
    penalty_minor = sum(one.deducted_minor for one in ends.done)
    assert await balance(world.owner, party.held) == 0
    assert await balance(world.owner, party.free) == AFFORDABLE * PIECE_MINOR + 1 - penalty_minor
    assert await verify(database.database_url) == []


async def test_one_case_holds_once_and_one_transfer_counts_once(
    party: DepositParty, world: World, database: Settings
) -> None:
    case_id = new_id()

    held = await all_at_once(hold(party, case_id) for _ in range(CALLERS // 2))
    come = await all_at_once(
        put_down("SUPPLIER", party.id, 5, reference="bank-1") for _ in range(CALLERS // 2)
    )

    assert (len(held.done), len(come.done), held.errors, come.errors) == (1, 1, [], [])
    assert await balance(world.owner, party.held) == PIECE_MINOR
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_hold_that_only_reads_the_deposit(
    party: DepositParty, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: look whether the money is there, without a lock."""
    meeting = Meeting()

    async def reads_only(accounts: Sequence[Account]) -> list[int]:
        held = [await ledger.balance(account) for account in accounts]
        await meeting.join()
        return held

    for _ in range(AFFORDABLE - 1):
        await hold(party)
    monkeypatch.setattr(ledger, "lock_balances", reads_only)

    outcome = await all_at_once(hold(party) for _ in range(2))

    assert (len(outcome.done), outcome.errors) == (2, [])
    assert await balance(world.owner, party.free) < 0
    assert "I3" in {breach.invariant for breach in await verify(database.database_url)}


async def test_whoever_finds_too_little_and_whoever_pays_agree_in_the_end(
    party: DepositParty, world: World, database: Settings
) -> None:
    """The worker stops sales by what it has read; the money that comes meanwhile lifts it."""
    required_minor = AFFORDABLE * PIECE_MINOR + 101

    async def look() -> None:
        await world.owner.execute("update deposit_standings set look_at = now()")
        await measuring.measure_deposits()

    await ask_for(party, base_minor=required_minor)
    outcome = await all_at_once(
        [
            *(put_down("SUPPLIER", party.id, 1) for _ in range(100)),
            *(measuring.measure_deposits() for _ in range(50)),
        ]
    )

    assert outcome.errors == []
    listing = "select status from supplier_listings where supplier_id = $1"
    assert await balance(world.owner, party.free) == required_minor
    assert await world.owner.fetchval(listing, party.id) == "ACTIVE"
    await look()
    assert await world.owner.fetchval(listing, party.id) == "ACTIVE"
    assert await verify(database.database_url) == []


async def test_a_line_is_claimed_once_and_a_claim_decided_once(
    party: DepositParty, shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(1)
    rich = await world.customer(wallet_minor=20_000)
    made = await paying.quick_buy(
        shop=shop,
        buyer=Buyer(rich.id),
        wish=Wish(world.goods.sku_id, 1),
        expected_total_minor=11_000,
        contact=None,
        affiliate_code=None,
        method="WALLET",
        idempotency_key=new_id().hex,
    )
    viewer = Viewer(customer_id=rich.id)
    witness = Witness("buyer", None, "tests")
    no = await world.owner.fetchval("select no from orders where id = $1", made.order_id)
    await reveal.reveal_keys(
        shop=shop, viewer=viewer, order_no=no, delivered_key_ids=None, witness=witness
    )
    line_id = await world.owner.fetchval("select id from order_lines")

    accepted = await all_at_once(
        accepting.accept(
            shop=shop,
            actor=OPERATOR,
            order_no=no,
            line_id=line_id,
            kind="INVALID",
            idempotency_key=new_id().hex,
        )
        for _ in range(100)
    )
    (claim,) = accepted.done
    decided = await all_at_once(
        deciding.decide(claim.id, uphold=number % 2 == 0, reason="", actor=OPERATOR)
        for number in range(100)
    )

    assert (accepted.errors, decided.errors) == ([], [])
    assert accepted.refused == decided.refused == {"VALIDATION": 99}
    assert len(decided.done) == 1
    assert await verify(database.database_url) == []
