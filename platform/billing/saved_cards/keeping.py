"""What the worker does about kept cards: note those that have paid, have removed ones forgotten.

Nothing of this is the sale's: a payment whose card is to be kept is found by its own mark.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from billing.payment_methods import CARD_KEEPERS
from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from billing.saved_cards import cards
from kernel import db
from kernel.faults import crash_point
from kernel.log import get_logger

log = get_logger(__name__)
CARDS_AT_ONCE: Final = 20
# Seconds to the next look after the n-th: the buyer is still there at first.
LOOK_AFTER_SECONDS: Final = (2, 2, 5, 15, 60, 300, 900, 3_600, 43_200)


@dataclass(frozen=True, slots=True)
class _Paid:
    payment_id: UUID
    tenant_id: UUID
    customer_id: UUID
    method: str
    provider: str
    provider_ref: str
    customer_ref: str | None


# A payment that came to nothing keeps no card, and neither does one that nobody could be asked
# about for half a day; one that is open is looked at again.
_CLAIM = """
with due as (
    select payment_id from payment_choices where next_look_at <= platform_now()
    order by next_look_at limit $1 for update skip locked
), claimed as (
    update payment_choices c set looks = least(c.looks + 1, 1000),
           next_look_at = case
               when p.status not in ('CREATED', 'PENDING', 'SUCCEEDED') then null
               when c.looks >= array_length($2::float8[], 1) and p.status = 'SUCCEEDED' then null
               else platform_now() + make_interval(
                        secs => ($2::float8[])[least(c.looks + 1, array_length($2, 1))]) end
    from due join payments p on p.id = due.payment_id
    where c.payment_id = due.payment_id
    returning c.payment_id, c.tenant_id, c.customer_id, p.method, p.provider, p.provider_ref,
              p.status
)
select claimed.payment_id, claimed.tenant_id, claimed.customer_id, method, claimed.provider,
       claimed.provider_ref, known.provider_ref as customer_ref
from claimed left join channel_customers known using (tenant_id, customer_id, provider)
where status = 'SUCCEEDED'
"""


async def keep_paid_cards() -> int:
    """Keep the cards of payments that were made meanwhile; returns how many were looked at."""
    async with db.transaction(db.every_tenant(reason="keep cards that have paid")):
        rows = await db.fetch(
            _CLAIM, CARDS_AT_ONCE, [float(seconds) for seconds in LOOK_AFTER_SECONDS]
        )
    for row in rows:
        try:
            await _keep(_Paid(**row))
        except Exception as error:  # one bad row must not stop the others
            log.error("card_not_kept", payment=str(row["payment_id"]), exc_info=error)
    return len(rows)


async def _keep(paid: _Paid) -> None:
    try:
        card = await CARD_KEEPERS[paid.method].kept_card(paid.provider_ref)
    except (ChannelUnavailable, ChannelRefused):
        return
    crash_point("card.looked")
    async with db.transaction(db.core_scope(paid.tenant_id)):
        if card is not None and card.customer_ref == paid.customer_ref:
            await cards.keep(
                card,
                tenant_id=paid.tenant_id,
                customer_id=paid.customer_id,
                provider=paid.provider,
            )
        await db.execute(
            "update payment_choices set next_look_at = null where payment_id = $1",
            paid.payment_id,
        )
    crash_point("card.kept")


_CLAIM_REMOVED = """
with due as (
    select id from saved_cards where next_detach_at <= platform_now()
    order by next_detach_at limit $1 for update skip locked
)
update saved_cards c set detaches = least(c.detaches + 1, 1000),
       next_detach_at = platform_now() + make_interval(
           secs => ($2::float8[])[least(c.detaches + 1, array_length($2, 1))])
from due where c.id = due.id
returning c.id, c.tenant_id, c.provider, c.provider_ref
"""


async def forget_removed_cards() -> int:
    """Have channels forget what customers have removed; returns how many were tried."""
    async with db.transaction(db.every_tenant(reason="forget removed cards")):
        rows = await db.fetch(
            _CLAIM_REMOVED, CARDS_AT_ONCE, [float(seconds) for seconds in LOOK_AFTER_SECONDS]
        )
    for row in rows:
        try:
            await CARD_KEEPERS["CARD"].forget_card(row["provider_ref"])
        except ChannelUnavailable:
            continue
        crash_point("card.detached")
        async with db.transaction(db.core_scope(row["tenant_id"])):
            await db.execute(
                "update saved_cards set next_detach_at = null where id = $1", row["id"]
            )
    return len(rows)
