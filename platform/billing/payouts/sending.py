"""Sending payouts through the channel, once whatever dies: the worker's part.

The payout and its attempt name a sending, and the channel's idempotency key. Whoever tries a second
time asks first whether the money is gone. Money that has arrived is looked at for some days
more: it may come back.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from billing.payment_methods import stripe_connect
from billing.payment_methods.base import ChannelRefused, ChannelShort, ChannelUnavailable
from billing.payment_methods.stripe_connect import Transfer
from billing.payouts import ending, rows
from billing.payouts.parties import WORKER, Party
from billing.payouts.rows import Payout
from billing.payouts.states import PayoutState
from billing.payouts.stops import by_payout, stop_payouts
from kernel import db
from kernel.faults import crash_point
from kernel.log import get_logger

log = get_logger(__name__)

# Seconds to the next try after the n-th.
RETRY_AFTER_SECONDS: Final = (5, 15, 60, 300, 900, 3_600)
#: How long after it has arrived a payout is looked at once more, and then again.
LOOKS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
_SCOPE: Final = "payouts of all parties are sent"


@dataclass(frozen=True, slots=True)
class DuePayout:
    """A payout about which the channel is to be asked."""

    id: UUID
    attempt: int
    state: PayoutState
    currency: str
    net_minor: int
    account_ref: str
    provider_ref: str | None
    tries: int
    asks: int

    @property
    def sending(self) -> str:
        """The name of this one sending, by which it is found."""
        return f"{self.id}:{self.attempt}"

    @property
    def question(self) -> str:
        """The idempotency key: the same until the channel has said that it did nothing."""
        return f"{self.sending}:{self.asks}"


_CLAIM: Final = """
with due as (
    select id from payouts
    where next_step_at <= platform_now() and state in ('SENT', 'PAID')
      and method_kind = 'STRIPE_ACCOUNT'
    order by next_step_at limit $1 for update skip locked
), claimed as (
    update payouts set tries = tries + 1,
           next_step_at = case
               when state = 'SENT' then platform_now() + make_interval(
                   secs => ($2::float8[])[least(tries + 1, array_length($2, 1))])
               else platform_now() + ($3::interval[])[tries + 2] end
    from due where payouts.id = due.id
    returning payouts.*
)
select c.id, c.attempt, c.state, c.currency, c.amount_minor - c.fee_minor as net_minor,
       method.account_ref, c.provider_ref, c.tries, c.asks
from claimed c join payout_methods method on method.id = c.method_id
"""


async def send_due_payouts(limit: int) -> int:
    """Ask the channel about up to `limit` payouts whose time has come; says how many were due."""
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        due = await db.fetch(
            _CLAIM, limit, [float(seconds) for seconds in RETRY_AFTER_SECONDS], list(LOOKS)
        )
    for row in due:
        try:
            await _step(DuePayout(**dict(row) | {"state": PayoutState(row["state"])}))
        except ChannelUnavailable as silent:
            log.warning("payout_waits", payout=str(row["id"]), reason=str(silent))
        except Exception as error:  # one bad row must not stop the others
            log.error("payout_not_sent", payout=str(row["id"]), exc_info=error)
    return len(due)


async def hint(object_ref: str) -> None:
    """The channel has said that something of ours has changed: look soon, and believe the look."""
    async with db.transaction(db.every_tenant(reason="a webhook names an account or a transfer")):
        await db.execute(
            """update payouts set next_step_at = platform_now()
               where provider_ref = $1 and state in ('SENT', 'PAID')""",
            object_ref,
        )
        await db.execute(
            """update payout_methods set next_look_at = platform_now()
               where account_ref = $1 and ended_at is null""",
            object_ref,
        )


async def _step(due: DuePayout) -> None:
    if due.provider_ref is not None:
        await _note_look(due, await stripe_connect.look_at_transfer(due.provider_ref))
        return
    crash_point("payout.sending")
    try:
        sent = (
            due.tries > 1 and await stripe_connect.find_transfer(due.sending)
        ) or await stripe_connect.transfer(
            sending=due.sending,
            question=due.question,
            account_ref=due.account_ref,
            amount_minor=due.net_minor,
            currency=due.currency,
        )
    except ChannelShort:
        await _ask_anew(due)
        raise
    except ChannelRefused as refused:
        await _note_failure(due, str(refused))
        return
    crash_point("payout.sent")
    await _note_look(due, sent)
    crash_point("payout.noted")


async def _note_look(due: DuePayout, found: Transfer) -> None:
    """Write what the channel says of a transfer: it is there, or has come back."""
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        payout = await _still(due)
        if payout is None:
            return
        if payout.state is PayoutState.SENT:
            payout = await ending.arrived(
                payout, by=WORKER, provider_ref=found.ref, next_look=LOOKS[0]
            )
        if found.came_back:
            note = "the channel has taken it back"
            await ending.came_back(payout, PayoutState.RETURNED, by=WORKER, note=note)
        elif found.reversed_minor:
            # Nobody of ours takes back a part: people look, and nothing more goes there meanwhile.
            party = Party(payout.party_kind, payout.party_id, payout.tenant_id, payout.currency)
            reason = f"{found.reversed_minor} minor units of a payout came back"
            await stop_payouts(party, source=by_payout(payout.id), reason=reason)


async def _ask_anew(due: DuePayout) -> None:
    """The channel would repeat its no to the same question, however much money comes."""
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        await db.execute(
            "update payouts set asks = asks + 1 where id = $1 and asks = $2", due.id, due.asks
        )


async def _note_failure(due: DuePayout, reason: str) -> None:
    log.error("payout_refused", payout=str(due.id), reason=reason)
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        payout = await _still(due)
        if payout is not None and payout.state is PayoutState.SENT:
            note = f"refused: {reason}"[:200]
            await ending.came_back(payout, PayoutState.FAILED, by=WORKER, note=note)


async def _still(due: DuePayout) -> Payout | None:
    """The payout, locked; None where it has gone on since it was claimed."""
    payout = await rows.by_id(due.id, lock=True)
    if payout is None or (payout.attempt, payout.state) != (due.attempt, due.state):
        return None
    return payout
