"""Payments that nobody has reported: when the channel is asked about them, and who asks."""

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
            # Half a day of silence: whatever was held of a wallet has gone back long ago.
            await db.execute(
                """update payments set next_poll_at = null, ended_at = platform_now(),
                          status = case when status in ('CREATED', 'PENDING') then 'EXPIRED'
                                        else status end
                   where id = $1""",
                row["id"],
            )
            continue
        due.append(Payment(**values))
    return due
