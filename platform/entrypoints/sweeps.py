"""What the worker looks for, and how often: everything that must happen later.

There is no job that could be lost: an unpaid order past its time, a payment that nobody has
reported, a refund that is owed are rows, and each sweep finds them by their state.
"""

import asyncio
from datetime import datetime
from uuid import UUID

from billing.balances import fold_balances
from billing.bank import importing
from billing.payments import Payment
from billing.payouts import checking, connected_accounts, sending
from billing.polling import claim_due, give_poll_back
from billing.saved_cards import keeping
from bookkeeping.audit import SEALED_AT_ONCE, seal_audit
from bookkeeping.statements import files as statement_files
from bookkeeping.statements.making import make_statements
from entrypoints.sweep import Sweep
from entrypoints.sweeps_of_affiliates import AFFILIATE_SWEEPS
from identity.attempts import forget_attempts
from identity.password_resets import forget_old_resets
from identity.step_up import forget_old_challenges
from identity.tokens import delete_old_tokens
from kernel import db
from kernel.log import get_logger
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
from orders import channel_calls, compensating, expiry, offer_figures, refund_sending
from orders.bank import matching
from orders.deposits import counting, measuring
from orders.disputes import answering, asking
from orders.earnings import maturing, noting
from orders.fast_refunds import deciding
from orders.manual import ending
from orders.plans import ending as plan_ending
from orders.plans import reminding
from promotions.points import expiring
from promotions.vouchers import closing
from reconciliation.turns import reconcile
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
PAYOUTS_AT_ONCE = 50
CHALLENGES_FORGOTTEN_AT_ONCE = 2_000
LOTS_ENDED_AT_ONCE = 1_000
POSTINGS_SEARCHED_AT_ONCE = 2_000
SHARES_MATURED_AT_ONCE = 500
LINES_COMPENSATED_AT_ONCE = 50
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


async def check_payouts() -> int:
    """Look at payouts that can no longer be taken back."""
    return await checking.check_requests(PAYOUTS_AT_ONCE)


async def send_payouts() -> int:
    """Send payouts through the channel, and look whether they stay there."""
    return await sending.send_due_payouts(PAYOUTS_AT_ONCE)


async def look_at_payout_accounts() -> int:
    """Ask the channel whether accounts can be paid to."""
    return await connected_accounts.look_at_accounts(PAYOUTS_AT_ONCE)


async def forget_challenges() -> int:
    """Forget second confirmations that ended long ago."""
    return await forget_old_challenges(CHALLENGES_FORGOTTEN_AT_ONCE)


async def expire_points() -> int:
    """End points whose time is over."""
    return await expiring.expire_points(LOTS_ENDED_AT_ONCE)


async def note_earnings() -> int:
    """Note what was delivered, and when each share of it becomes available."""
    return await noting.note_delivered(POSTINGS_SEARCHED_AT_ONCE)


async def mature_earnings() -> int:
    """Let what was earned become available when its time has come."""
    return await maturing.mature_due(SHARES_MATURED_AT_ONCE)


async def compensate_batches() -> int:
    """Pay back the buyers of batches that failed an inspection."""
    return await compensating.compensate_next(LINES_COMPENSATED_AT_ONCE)


async def count_sales() -> int:
    """Count what came of each offer's sales."""
    return await offer_figures.count_sales(SALES_COUNTED_AT_ONCE)


async def sum_up_sales() -> int:
    """Write what pages say of offers, where it has changed."""
    return await offer_figures.sum_up()


SWEEPS = (
    Sweep(work=expire_orders, every_seconds=1.0),
    Sweep(work=end_late_deliveries, every_seconds=1.0),
    Sweep(work=plan_ending.end_overdue, every_seconds=10.0),
    Sweep(work=reminding.remind, every_seconds=10.0, batch=reminding.PARTS_AT_ONCE),
    Sweep(work=ask_channels, every_seconds=1.0, batch=CHANNELS_ASKED_AT_ONCE),
    Sweep(work=send_refunds, every_seconds=1.0, batch=REFUNDS_SENT_AT_ONCE),
    Sweep(work=importing.import_statements, every_seconds=5.0, batch=1),
    Sweep(work=matching.match_new_lines, every_seconds=5.0, batch=matching.LINES_AT_ONCE),
    Sweep(work=closing.end_due_batches, every_seconds=60.0, batch=closing.ENDED_AT_ONCE),
    Sweep(work=check_payouts, every_seconds=1.0, batch=PAYOUTS_AT_ONCE),
    Sweep(work=send_payouts, every_seconds=1.0, batch=PAYOUTS_AT_ONCE),
    Sweep(work=look_at_payout_accounts, every_seconds=1.0, batch=PAYOUTS_AT_ONCE),
    Sweep(work=forget_challenges, every_seconds=3600.0, batch=CHALLENGES_FORGOTTEN_AT_ONCE),
    Sweep(work=asking.find_disputes, every_seconds=600.0),
    Sweep(work=asking.ask_about_disputes, every_seconds=10.0, batch=asking.ASKED_AT_ONCE),
    Sweep(work=answering.send_answers, every_seconds=1.0, batch=answering.SENT_AT_ONCE),
    Sweep(work=answering.remind, every_seconds=60.0, batch=answering.REMINDED_AT_ONCE),
    Sweep(work=keeping.keep_paid_cards, every_seconds=1.0, batch=keeping.CARDS_AT_ONCE),
    Sweep(work=keeping.forget_removed_cards, every_seconds=5.0, batch=keeping.CARDS_AT_ONCE),
    *AFFILIATE_SWEEPS,
    Sweep(work=fold, every_seconds=20.0),
    Sweep(work=seal_audit, every_seconds=5.0, batch=SEALED_AT_ONCE),
    Sweep(work=make_statements, every_seconds=1.0, batch=1),
    Sweep(
        work=statement_files.forget_files,
        every_seconds=600.0,
        batch=statement_files.FORGOTTEN_AT_ONCE,
    ),
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
    Sweep(work=note_earnings, every_seconds=30.0),
    Sweep(work=mature_earnings, every_seconds=5.0, batch=SHARES_MATURED_AT_ONCE),
    Sweep(work=reconcile, every_seconds=30.0, batch=1),
    Sweep(work=compensate_batches, every_seconds=5.0, batch=LINES_COMPENSATED_AT_ONCE),
    Sweep(work=count_sales, every_seconds=60.0, batch=SALES_COUNTED_AT_ONCE),
    Sweep(work=sum_up_sales, every_seconds=3600.0),
    Sweep(work=deciding.uphold_silent, every_seconds=5.0, batch=deciding.DECIDED_AT_ONCE),
    Sweep(work=counting.count_claimable, every_seconds=60.0, batch=counting.COUNTED_AT_ONCE),
    Sweep(work=counting.forget_hours, every_seconds=3600.0, batch=counting.FORGOTTEN_AT_ONCE),
    Sweep(work=measuring.measure_deposits, every_seconds=5.0, batch=measuring.LOOKED_AT_AT_ONCE),
)
