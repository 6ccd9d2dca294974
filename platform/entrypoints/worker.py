"""The worker process: everything that must happen later, found by its own state.

There is no job that could be lost: an unpaid order past its time, a payment that nobody has
reported, a refund that is owed are rows, and each sweep finds them. Two workers may run; rows are
claimed with SKIP LOCKED and conditional updates. A sweep that fails is logged and tried again.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.balances import fold_balances
from billing.payments import Payment
from billing.polling import claim_due, give_poll_back
from identity.attempts import forget_attempts
from identity.password_resets import forget_old_resets
from identity.tokens import delete_old_tokens
from kernel import db, valkey
from kernel.log import configure_logging, get_logger
from kernel.settings import settings
from loyalty.following import CUSTOMERS_AT_ONCE as CUSTOMERS_FOLLOWED_AT_ONCE
from loyalty.following import follow_tiers
from loyalty.recounting import CUSTOMERS_AT_ONCE as CUSTOMERS_RECOUNTED_AT_ONCE
from loyalty.recounting import recount_tiers
from notifications.balances import tell_of_balances
from notifications.delivering import Dispatcher
from notifications.handing_on import (
    EVENTS_AT_ONCE,
    FORGOTTEN_AT_ONCE,
    forget_old_events,
    hand_on,
)
from offers.cart.storing import forget_old_carts
from offers.price_desk import alerts, files
from offers.price_desk.price_lists import imports, turns
from orders import channel_calls, expiry, offer_figures, refund_sending
from orders.manual import ending
from promotions.points import expiring
from tenants import domain_checks, reviews

log = get_logger(__name__)
ORDERS_READ_AT_ONCE = 100
CHANNELS_ASKED_AT_ONCE = 20
REFUNDS_SENT_AT_ONCE = 50
TENANTS_CLOSED_AT_ONCE = 50
DOMAINS_CHECKED_AT_ONCE = 20
REQUESTS_FORGOTTEN_AT_ONCE = 5_000
SHOPS_FOLLOWED_AT_ONCE = 20
ALERTS_FORGOTTEN_AT_ONCE = 1_000
CARTS_FORGOTTEN_AT_ONCE = 500
ATTEMPTS_FORGOTTEN_AT_ONCE = 5_000
TOKENS_DELETED_AT_ONCE = 2_000
RESETS_FORGOTTEN_AT_ONCE = 2_000
SALES_COUNTED_AT_ONCE = 5_000
LOTS_ENDED_AT_ONCE = 1_000
webhooks = Dispatcher()


async def expire_orders() -> int:
    """Free the keys of orders that were not paid in time, then tell the channels.

    An order that cannot be expired is logged and passed over: the sweep reads on behind it.
    """
    after: tuple[datetime, UUID] | None = None
    expired = 0
    while due := await expiry.due_orders(ORDERS_READ_AT_ONCE, after=after):
        ended: list[Payment] = []
        for order in due:
            try:
                ended += await expiry.expire_order(order.tenant_id, order.id)
                expired += 1
            except Exception as error:  # one bad row must not stop the others
                log.error("order_not_expired", order=str(order.id), exc_info=error)
        await channel_calls.cancel_all(ended)
        after = (due[-1].expires_at, due[-1].id)
    return expired


async def ask_channels() -> int:
    """Ask the channel about payments that it should have reported by now."""
    async with db.transaction(db.core_scope()):
        due = await claim_due(CHANNELS_ASKED_AT_ONCE)
    await asyncio.gather(*(_ask_channel(payment) for payment in due))
    return len(due)


async def _ask_channel(payment: Payment) -> None:
    try:
        await channel_calls.look(payment)
    except Exception as error:  # one bad row must not stop the others
        log.error("payment_not_asked", payment=str(payment.id), exc_info=error)
        async with db.transaction(db.core_scope()):
            await give_poll_back(payment.id)


async def end_late_deliveries() -> int:
    """Give the money back for what a person has promised and not delivered in time.

    A delivery that cannot be ended is logged and passed over: the sweep reads on behind it.
    """
    after: ending.Late | None = None
    ended = 0
    while late := await ending.late_deliveries(ORDERS_READ_AT_ONCE, after=after):
        for one in late:
            try:
                ended += await ending.end_late(one)
            except Exception as error:  # one bad row must not stop the others
                log.error("delivery_not_ended", line=str(one.line_id), exc_info=error)
        after = late[-1]
    return ended


async def send_refunds() -> int:
    """Send what is owed back to buyers."""
    return await refund_sending.send_due_refunds(REFUNDS_SENT_AT_ONCE)


async def fold() -> int:
    """Keep the balances of busy accounts cheap to read."""
    async with db.transaction(db.core_scope()):
        return await fold_balances()


async def forget_old_requests() -> int:
    """Forget idempotency keys after a week: nobody repeats a request so late."""
    async with db.transaction(db.every_tenant(reason="forget old idempotency keys")):
        return await db.execute(
            """delete from idempotency_records
               where ctid in (select ctid from idempotency_records
                              where created_at < platform_now() - interval '7 days' limit $1)""",
            REQUESTS_FORGOTTEN_AT_ONCE,
        )


async def follow_prices() -> int:
    """Tell shops which of their prices a guard keeps hidden, where something has changed."""
    return await alerts.follow_prices(SHOPS_FOLLOWED_AT_ONCE)


async def end_closings() -> int:
    """Close the tenants whose time to wind up is over."""
    return await reviews.end_closings(TENANTS_CLOSED_AT_ONCE)


async def check_domains() -> int:
    """Ask the DNS whether proofs of domains still stand."""
    return await domain_checks.check_again(DOMAINS_CHECKED_AT_ONCE)


async def forget_carts() -> int:
    """Forget carts that nobody has touched for long."""
    return await forget_old_carts(CARTS_FORGOTTEN_AT_ONCE)


async def forget_old_attempts() -> int:
    """Forget attempts that are too old to count."""
    return await forget_attempts(ATTEMPTS_FORGOTTEN_AT_ONCE)


async def forget_old_tokens() -> int:
    """Forget tokens that ended long ago."""
    return await delete_old_tokens(TOKENS_DELETED_AT_ONCE)


async def forget_resets() -> int:
    """Forget links for new passwords that ended long ago."""
    return await forget_old_resets(RESETS_FORGOTTEN_AT_ONCE)


async def expire_points() -> int:
    """End points whose time is over."""
    return await expiring.expire_points(LOTS_ENDED_AT_ONCE)


async def count_sales() -> int:
    """Count what came of each offer's sales."""
    return await offer_figures.count_sales(SALES_COUNTED_AT_ONCE)


async def sum_up_sales() -> int:
    """Write what pages say of offers, where it has changed."""
    return await offer_figures.sum_up()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One kind of later work, and how often it is looked for.

    A sweep that takes at most a `batch` at once goes on without a pause after a whole one, so that
    what an outage has piled up is gone soon. The others do all there is.
    """

    work: Callable[[], Awaitable[int]]
    every_seconds: float
    batch: int | None = None


SWEEPS = (
    Sweep(work=expire_orders, every_seconds=1.0),
    Sweep(work=end_late_deliveries, every_seconds=1.0),
    Sweep(work=ask_channels, every_seconds=1.0, batch=CHANNELS_ASKED_AT_ONCE),
    Sweep(work=send_refunds, every_seconds=1.0, batch=REFUNDS_SENT_AT_ONCE),
    Sweep(work=fold, every_seconds=20.0),
    Sweep(work=follow_prices, every_seconds=5.0, batch=SHOPS_FOLLOWED_AT_ONCE),
    Sweep(work=alerts.forget_closed_alerts, every_seconds=3600.0, batch=ALERTS_FORGOTTEN_AT_ONCE),
    Sweep(work=turns.import_price_lists, every_seconds=1.0, batch=1),
    Sweep(work=imports.forget_imports, every_seconds=3600.0, batch=imports.FORGOTTEN_AT_ONCE),
    Sweep(work=files.forget_uploads, every_seconds=600.0, batch=files.FORGOTTEN_AT_ONCE),
    Sweep(work=end_closings, every_seconds=60.0, batch=TENANTS_CLOSED_AT_ONCE),
    Sweep(work=check_domains, every_seconds=60.0, batch=DOMAINS_CHECKED_AT_ONCE),
    Sweep(work=forget_old_requests, every_seconds=3600.0, batch=REQUESTS_FORGOTTEN_AT_ONCE),
    Sweep(work=hand_on, every_seconds=0.5, batch=EVENTS_AT_ONCE),
    Sweep(work=webhooks.send_webhooks, every_seconds=0.5, batch=1),
    Sweep(work=follow_tiers, every_seconds=0.5, batch=CUSTOMERS_FOLLOWED_AT_ONCE),
    Sweep(work=recount_tiers, every_seconds=1.0, batch=CUSTOMERS_RECOUNTED_AT_ONCE),
    Sweep(work=tell_of_balances, every_seconds=30.0),
    Sweep(work=forget_old_events, every_seconds=3600.0, batch=FORGOTTEN_AT_ONCE),
    Sweep(work=forget_carts, every_seconds=3600.0, batch=CARTS_FORGOTTEN_AT_ONCE),
    Sweep(work=forget_old_attempts, every_seconds=600.0, batch=ATTEMPTS_FORGOTTEN_AT_ONCE),
    Sweep(work=forget_old_tokens, every_seconds=3600.0, batch=TOKENS_DELETED_AT_ONCE),
    Sweep(work=forget_resets, every_seconds=3600.0, batch=RESETS_FORGOTTEN_AT_ONCE),
    Sweep(work=expire_points, every_seconds=60.0, batch=LOTS_ENDED_AT_ONCE),
    Sweep(work=count_sales, every_seconds=60.0, batch=SALES_COUNTED_AT_ONCE),
    Sweep(work=sum_up_sales, every_seconds=3600.0),
)


async def run(stop: asyncio.Event) -> None:
    """Sweep until told to stop; what is under way is finished first."""
    await db.connect(settings())
    try:
        await asyncio.gather(*(_repeat(sweep, stop) for sweep in SWEEPS))
        await webhooks.finish()
    finally:
        await valkey.close()
        await db.disconnect()


async def _repeat(sweep: Sweep, stop: asyncio.Event) -> None:
    name = getattr(sweep.work, "__name__", "sweep")
    while not stop.is_set():
        try:
            done = await sweep.work()
        except Exception as error:  # a sweep must never end: it is tried again
            log.error("sweep_failed", sweep=name, exc_info=error)
            done = 0
        if sweep.batch is not None and done >= sweep.batch:
            continue
        try:
            await asyncio.wait_for(stop.wait(), sweep.every_seconds)
        except TimeoutError:
            continue


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    configure_logging()

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await run(stop)

    asyncio.run(until_stopped())
