"""A refund's row, and every running total that bounds the next one: one statement, whoever has
decided it, with the order locked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from billing.payments import Payment
from kernel import db
from orders.records import Funding, Line, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """A refund of one line; in minor units.

    `channel_minor` is the channel's to send and `wallet_minor` went to the buyer's wallet; the
    rest was withheld for points. Of a CHARGEBACK the channel has paid its part already, and
    `borne_minor` is what no share gives back. `by_share` is what each share does, `to_funders` what
    funders of a discount get with it, and `returned` counts the pieces that came back.
    """

    id: UUID
    reason: str
    amount_minor: int
    channel_minor: int
    wallet_minor: int = 0
    borne_minor: int = 0
    returned: int = 0
    by_share: Sequence[tuple[UUID, int]] = ()
    to_funders: Sequence[tuple[Funding, int]] = ()
    destination: str = "CHANNEL"
    batch_id: UUID | None = None


_WRITE: Final = """
with the_line as (
    update order_lines set refunded_minor = refunded_minor + $6::bigint,
           returned_quantity = returned_quantity + $11::integer
    where order_id = $3 and id = $4
), the_shares as (
    update line_shares set reversed_minor = reversed_minor + part.minor
    from unnest($12::uuid[], $13::bigint[]) as part (id, minor)
    where line_shares.order_id = $3 and line_shares.id = part.id
), the_discounts as (
    update discount_lines set returned_minor = returned_minor + part.minor
    from unnest($14::uuid[], $15::bigint[]) as part (id, minor)
    where discount_lines.order_id = $3 and discount_lines.id = part.id
), the_covers as (
    update key_replacements set cover_returned_minor = cover_returned_minor + part.minor
    from unnest($14::uuid[], $15::bigint[]) as part (id, minor)
    where key_replacements.order_id = $3 and key_replacements.id = part.id
), the_payment as (
    update payments set refunded_channel_minor = refunded_channel_minor + $7::bigint where id = $5
), the_order as (
    update orders set refunded_minor = refunded_minor + $6::bigint, version = version + 1,
           aftersale_status = case when aftersale_status = 'CHARGED_BACK' or $10 = 'CHARGEBACK'
                                        then 'CHARGED_BACK'
                                   when $7::bigint > 0 then 'REFUNDING'
                                   when refunded_minor + $6::bigint = total_minor then 'REFUNDED'
                                   when aftersale_status = 'REFUNDING' then 'REFUNDING'
                                   else 'PARTIALLY_REFUNDED' end
    where id = $3
)
insert into refunds (id, tenant_id, order_id, line_id, payment_id, currency, amount_minor,
                     wallet_minor, channel_minor, points_minor, borne_minor, reason, sequence,
                     status, next_attempt_at, done_at, destination, batch_id)
select $1, $2, $3, $4, $5, currency, $6::bigint, $8::bigint, $7::bigint,
       $6::bigint - $7::bigint - $8::bigint, $9::bigint, $10,
       (select coalesce(max(sequence), 0) + 1 from refunds where order_id = $3),
       case when is_due then 'DUE' else 'DONE' end,
       case when is_due then platform_now() end,
       case when not is_due then platform_now() end, $16, $17
from (select currency, $7::bigint > 0 and $10 <> 'CHARGEBACK' as is_due
      from payments where id = $5) as payment
"""


async def write(order: Order, line: Line, payment: Payment, refund: RefundRow) -> None:
    """Write a refund of a line of a locked order, and add it to every running total."""
    await db.execute(
        _WRITE,
        refund.id,
        order.tenant_id,
        order.id,
        line.id,
        payment.id,
        refund.amount_minor,
        refund.channel_minor,
        refund.wallet_minor,
        refund.borne_minor,
        refund.reason,
        refund.returned,
        [share_id for share_id, _ in refund.by_share],
        [part_minor for _, part_minor in refund.by_share],
        [one.id for one, _ in refund.to_funders],
        [part_minor for _, part_minor in refund.to_funders],
        refund.destination,
        refund.batch_id,
    )
