"""Faults on requests: slow, broken, lost answers, too many; and how they end."""

import asyncio
import time

import pytest
import stripe

from sandbox_desk import Desk


async def test_a_broken_server_does_nothing_and_heals_after_n_requests(desk: Desk) -> None:
    await desk.fault(
        error_5xx={"requests": 2, "status_code": 503, "path_prefix": "/v1/payment_intents"}
    )
    assert (await desk.client.v1.events.list_async()).data == []
    for _ in range(2):
        with pytest.raises(stripe.APIError) as broken:
            await desk.paid(idempotency_key="attempt-1")
        assert broken.value.http_status == 503
    assert (await desk.client.v1.charges.list_async()).data == []

    assert (await desk.paid(idempotency_key="attempt-1")).status == "succeeded"


async def test_a_lost_answer_has_done_its_work_and_the_retry_learns_of_it(desk: Desk) -> None:
    await desk.fault(error_5xx={"requests": 1, "after_work": True})
    with pytest.raises(stripe.APIError) as lost:
        await desk.paid(idempotency_key="attempt-1")
    assert lost.value.http_status == 500
    charges = (await desk.client.v1.charges.list_async()).data
    assert [charge.paid for charge in charges] == [True]

    again = await desk.paid(idempotency_key="attempt-1")

    assert (again.status, again.latest_charge) == ("succeeded", charges[0].id)
    assert len((await desk.client.v1.charges.list_async()).data) == 1


async def test_too_many_requests_are_told_so(desk: Desk) -> None:
    await desk.fault(rate_limited={"requests": 1})
    with pytest.raises(stripe.RateLimitError) as limited:
        await desk.paid()
    assert limited.value.http_status == 429
    assert (await desk.paid()).status == "succeeded"


async def test_a_slow_server_takes_its_time_where_it_is_asked_to(desk: Desk) -> None:
    await desk.fault(slow={"seconds": 120, "path_prefix": "/v1/refunds"})
    async with asyncio.timeout(100):
        await desk.client.v1.charges.list_async()
    await desk.fault(slow={"seconds": 0.5, "path_prefix": "/v1/refunds"})
    began = time.monotonic()
    await desk.client.v1.refunds.list_async()
    assert time.monotonic() - began >= 0.5


async def test_faults_add_up_are_shown_and_end_together(desk: Desk) -> None:
    await desk.fault(rate_limited={"requests": 1})
    await desk.fault(duplicate_events=2)
    shown = (await desk.http.get("/_sandbox/faults")).json()
    assert (shown["rate_limited"]["requests"], shown["duplicate_events"]) == (1, 2)

    await desk.clear_faults()

    assert set((await desk.http.get("/_sandbox/faults")).json().values()) == {None}
    assert (await desk.paid()).status == "succeeded"


@pytest.mark.parametrize("plan", [{"storm": True}, {"slow": {"seconds": -1}}, {"lost": 5}, []])
async def test_a_fault_that_does_not_exist_is_refused(desk: Desk, plan: object) -> None:
    answer = await desk.http.post("/_sandbox/faults", json=plan)
    assert answer.status_code == 400
    assert set((await desk.http.get("/_sandbox/faults")).json().values()) == {None}
