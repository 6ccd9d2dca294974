"""Payouts go out together, once; a bank's file says so, and its answer is written line by line."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from billing.payout_gate import PayoutsStopped
from billing.payouts import bank_files
from billing.payouts.bank_files import ask_file, take_file
from billing.payouts.batches import Batch, batches_page, send_batch
from billing.payouts.ending import ResultLine, record_results
from billing.payouts.requests import WrongState
from billing.payouts.reviews import Decision
from billing.payouts.rows import Payout
from billing.payouts.states import MethodKind, PayoutState
from entrypoints.verify import verify
from identity.step_up import StepUpRequired
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id, public_id
from payout_desk import ACCOUNT, EARNED_MINOR, PayoutDesk, owe

pytestmark = pytest.mark.engines


async def results(desk: PayoutDesk, batch: Batch, *lines: tuple[Payout, str]) -> list[Payout]:
    """What the bank says."""
    holder, proof = await desk.batch_proof()
    return await record_results(
        batch.id,
        [ResultLine(payout.id, PayoutState(said), f"bank says {said}") for payout, said in lines],
        actor=desk.operator,
        holder=holder,
        proof=proof,
    )


async def address(desk: PayoutDesk, batch: Batch) -> bank_files.FileAddress:
    holder, proof = await desk.batch_proof()
    return await ask_file(batch.id, actor=desk.operator, holder=holder, proof=proof)


async def test_a_batch_goes_to_the_bank_and_what_it_answers_is_in_the_books(
    desk: PayoutDesk,
) -> None:
    await desk.paid_at()
    paid, failed, returned = [await desk.approved(minor) for minor in (50_000, 60_000, 70_000)]
    batch = await desk.batch()
    assert (batch.payouts, batch.amount_minor, batch.net_minor) == (3, 180_000, 179_400)
    await desk.owner.execute(
        "insert into payout_gates (currency, shut_since) values ('CNY', now())"
    )
    with pytest.raises(PayoutsStopped):
        await desk.send(batch)  # the books are being put right
    await desk.owner.execute("update payout_gates set shut_since = null")
    batch = await desk.send(batch)
    with pytest.raises(WrongState):
        await desk.send(batch)
    assert await desk.books() == {
        "A:BANK": -EARNED_MINOR,
        "L:PARTY:AVAILABLE": EARNED_MINOR - 180_000,
        "L:PAYOUT_CLEARING": 179_400,
        "R:PAYOUT_FEE": 600,
    }

    asked = await address(desk, batch)
    file = await take_file(asked.token)
    assert file.content.decode("utf-8-sig").count(ACCOUNT.holder) == 3
    assert f"{public_id('pyt', paid.id)},王小明,6222021234567890,中国工商银行,498.00,CNY" in (
        file.content.decode()
    )
    assert batch.file_hash == hashlib.sha256(file.content).digest()
    assert asked.sha256 == batch.file_hash.hex()
    for token in (asked.token, "nobodys.token"):
        with pytest.raises(Forbidden):
            await take_file(token)

    await results(desk, batch, (paid, "PAID"), (failed, "FAILED"), (returned, "PAID"))
    await results(desk, batch, (returned, "RETURNED"), (paid, "PAID"))
    assert [await desk.state(one) for one in (paid, failed, returned)] == [
        "PAID", "FAILED", "RETURNED",
    ]  # fmt: skip
    assert await desk.books() == {
        "A:BANK": -EARNED_MINOR + 49_800,
        "L:PARTY:AVAILABLE": EARNED_MINOR - 50_000,
        "R:PAYOUT_FEE": 200,
    }
    (shown,) = (await batches_page(first=None, after=None)).rows
    assert (shown.state, shown.payouts, shown.paid) == ("SENT", 3, 1)
    assert await verify(desk.config.database_url) == []


async def test_a_file_is_void_once_a_payout_of_it_goes_out_again(desk: PayoutDesk) -> None:
    await desk.paid_at()
    payout = await desk.approved(50_000)
    first = await desk.send(await desk.batch())
    early = await address(desk, first)
    await results(desk, first, (payout, "FAILED"))
    await desk.decide(Decision.RETRY, payout)
    with pytest.raises(WrongState):
        await take_file(early.token)

    second = await desk.send(await desk.batch())
    with pytest.raises(WrongState):
        await address(desk, first)
    late = await address(desk, second)
    await desk.later(timedelta(minutes=6))
    with pytest.raises(Forbidden):
        await take_file(late.token)
    with pytest.raises(NotFound):
        await results(desk, first, (payout, "PAID"))
    await desk.world.shift_clock("0 seconds")
    await results(desk, second, (payout, "PAID"))
    assert await verify(desk.config.database_url) == []


async def test_what_speaks_against_a_payout_by_the_time_it_is_sent_holds_it_back(
    desk: PayoutDesk,
) -> None:
    await desk.paid_at()
    payout = await desk.approved(50_000)
    batch = await desk.batch()
    await owe(desk.party, 1)
    batch = await desk.send(batch)

    held = await desk.now(payout)
    assert (batch.state, batch.payouts) == ("OPEN", 0)
    assert (held.state, held.note, held.batch_id) == ("HELD", "not sent: IN_DEBT", None)
    assert (await desk.books())["L:PARTY:RESERVED"] == 50_000


async def test_a_batch_is_of_one_way_is_sent_with_a_proof_and_is_not_empty(
    desk: PayoutDesk,
) -> None:
    with pytest.raises(NotFound):
        await desk.batch()
    assert await desk.owner.fetchval("select count(*) from payout_batches") == 0
    await desk.paid_at()
    first = await desk.approved(50_000)
    batch = await desk.batch()
    await desk.approved(60_000)
    grown = await desk.batch()
    assert (grown.id, grown.payouts) == (batch.id, 2)
    with pytest.raises(NotFound):
        await desk.batch(MethodKind.STRIPE_ACCOUNT)
    holder, _ = await desk.batch_proof()
    with pytest.raises(StepUpRequired):
        await send_batch(batch.id, actor=desk.operator, holder=holder, proof="kmv_none")
    with pytest.raises(WrongState):
        await results(desk, batch, (first, "PAID"))
    with pytest.raises(NotFound):
        await results(desk, batch, (replace(first, id=new_id()), "PAID"))
    with pytest.raises(Invalid):
        await results(desk, batch, (first, "PAID"), (first, "FAILED"))
    assert "L:PAYOUT_CLEARING" not in await desk.books()
