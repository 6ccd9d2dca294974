"""Payments that nobody has reported: when the channel is asked about them, and who asks."""

from uuid import UUID

from billing.payments import PAYMENT_COLUMNS, POLL_AFTER_SECONDS, Payment
from kernel import db

_RETURNED = ", ".join(f"payments.{name.strip()}" for name in PAYMENT_COLUMNS.split(","))


async def claim_due(limit: int) -> list[Payment]:
    """Payments whose channel should be asked now; each is claimed until its next time.

    The claim is one conditional update, so two workers never ask about the same payment, and a
    worker that dies costs one round of waiting and nothing else.
    """
    rows = await db.fetch(
        f"""with due as (
                select id from payments where next_poll_at <= platform_now()
                order by next_poll_at limit $1 for update skip locked)
            update payments set polls = polls + 1,
                   next_poll_at = platform_now() + make_interval(
                       secs => ($2::float8[])[least(polls + 2, array_length($2, 1))])
            from due where payments.id = due.id
            returning {_RETURNED}, polls""",
        limit,
        [float(seconds) for seconds in POLL_AFTER_SECONDS],
    )
    due = []
    for row in rows:
        values = dict(row)
        if values.pop("polls") > len(POLL_AFTER_SECONDS):
            await _stop_asking(row["id"])
            continue
        due.append(Payment(**values))
    return due


async def _stop_asking(payment_id: UUID) -> None:
    """Half a day of silence ends a top-up, of whichever balance; an order's payment ends with its
    order, which frees what is held of a wallet."""
    await db.execute(
        """update payments set next_poll_at = null,
                  ended_at = case when purpose <> 'ORDER' then platform_now() else ended_at end,
                  status = case when purpose <> 'ORDER' and status in ('CREATED', 'PENDING')
                                then 'EXPIRED' else status end
           where id = $1""",
        payment_id,
    )


async def give_poll_back(payment_id: UUID) -> None:
    """A poll that failed for reasons of ours does not count."""
    await db.execute(
        """update payments set polls = greatest(polls - 1, 0),
                  next_poll_at = platform_now() + interval '30 seconds'
           where id = $1 and next_poll_at is not null""",
        payment_id,
    )
