"""The bank keeps the money: what the buyer was owed is paid, and the rest is borne by the contract.

Refunds that had stopped are paid by the bank now. What is left of the dispute is written as a
refund of each line, with the reason CHARGEBACK: so every total that bounds refunds bounds disputes
with them, and nobody is paid twice.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import Entry, debit
from billing.payments import Payment
from billing.postings import disputes as postings
from kernel import db
from kernel.ids import new_id
from kernel.money import largest_remainder
from orders import funding, records, refund_rows
from orders.clawback import Claim, less_for_shop
from orders.disputes import bearing, chargeback_rows, stopping, taking, topped_up
from orders.disputes.bearing import Loss
from orders.disputes.cases import Case
from orders.disputes.coming_back import what_comes_back
from orders.earnings import holding
from orders.earnings.rows import Earning
from orders.records import Line, Order, ShareRow
from orders.refund_rows import RefundRow


async def lose(case: Case, payment: Payment, order: Order | None) -> None:
    """Settle a lost case; its row says so already, and it claims nothing any more."""
    await stopping.free_claim(case, payment.id)
    not_taken_minor = case.amount_minor - case.taken_minor
    covered_minor = await _cover_refunds(payment.id, not_taken_minor)
    left_minor = not_taken_minor - covered_minor
    bill = await _bill(case, payment, order)
    earned: list[Earning] = []
    if order is not None and payment.status == "SUCCEEDED":
        await chargeback_rows.split_undelivered(order)
        lines = await records.lines_of(order.id)
        earned = await taking.locked_earnings(order, lines)
        await _write_lines(bill, order, payment, lines, min(case.claimed_minor, left_minor))
    rest_minor = left_minor - bill.claimed_minor
    bill.charge_rest(rest_minor)
    await _post(bill, order, earned, covered_minor=covered_minor, rest_minor=rest_minor)
    await stopping.send_stopped_refunds(payment.id, of_case=case.id)
    if order is not None:
        await holding.release(case.id)
        await chargeback_rows.give_up_deliveries(order, payment)
        await chargeback_rows.note_on_order(order)


# What was owed to the buyer is paid by the dispute, the oldest first.
_COVER = """
with waiting as (
    select id, order_id, channel_minor, covered_minor,
           sum(channel_minor - covered_minor) over (order by created_at, id) as so_far
    from refunds where payment_id = $1 and status in ('STOPPED', 'FAILED')
), paid as (
    select id, greatest(least(channel_minor - covered_minor,
                              $2::bigint - (so_far - (channel_minor - covered_minor))), 0) as minor
    from waiting
)
update refunds set covered_minor = refunds.covered_minor + paid.minor,
       status = case when refunds.covered_minor + paid.minor = refunds.channel_minor
                     then 'DONE' else refunds.status end,
       done_at = case when refunds.covered_minor + paid.minor = refunds.channel_minor
                      then platform_now() end
from paid where refunds.id = paid.id and paid.minor > 0
returning paid.minor
"""


async def _cover_refunds(payment_id: UUID, amount_minor: int) -> int:
    rows = await db.fetch(_COVER, payment_id, amount_minor)
    return sum(int(row["minor"]) for row in rows)


@dataclass(slots=True)
class Bill:
    """Who pays a lost case: the claims on parties, and what the platform loses itself. In minor
    units; `liable_id` is the shop that is liable, or whoever has put a disputed deposit down; None
    where it is the platform's own."""

    case: Case
    rule: bearing.Rule
    liable_id: UUID | None
    claims: list[Claim] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    claimed_minor: int = 0
    platform_minor: int = 0
    fee_minor: int = 0
    shops_minor: int = 0
    """What the shop gets back for points, beyond what is claimed of it."""
    charges: dict[tuple[UUID, str], int] = field(default_factory=lambda: defaultdict(int))
    """What a party bears beyond its own shares: by the party, and what for."""

    def add_line(
        self, loss: Loss, claims: Sequence[Claim], more: Sequence[Entry], amount_minor: int
    ) -> None:
        """Add what a line comes to."""
        self.claims += claims
        self.entries += more
        self.claimed_minor += amount_minor
        self.platform_minor += loss.platform_minor
        if self.liable_id is not None and loss.borne_minor > loss.platform_minor:
            self.charges[self.liable_id, "BORNE"] += loss.borne_minor - loss.platform_minor

    def charge_fee(self, claim: Claim | None) -> None:
        """Recover a part of the channel's fee from whoever is liable."""
        if claim is not None and claim.party_id is not None:
            self.claims.append(claim)
            self.fee_minor += claim.amount_minor
            self.charges[claim.party_id, "FEE"] += claim.amount_minor

    def charge_rest(self, rest_minor: int) -> None:
        """What no line has, and the channel's fee: the shop's by the contract, else the
        platform's. The fee of bad goods is the supplier's, line by line."""
        if self.liable_id is None or self.rule == bearing.GUARANTEED:
            self.platform_minor += rest_minor
            return
        if rest_minor:
            self.claims.append(Claim(self.liable_id, "SHOP_MARGIN", rest_minor))
            self.charges[self.liable_id, "REST"] += rest_minor
        fee_left_minor = self.case.fee_lost_minor - self.fee_minor
        if fee_left_minor:
            self.charge_fee(Claim(self.liable_id, "SHOP_MARGIN", fee_left_minor))


async def _bill(case: Case, payment: Payment, order: Order | None) -> Bill:
    """An empty bill. A party answers for what it has put into a balance of its own, whatever is
    guaranteed."""
    own = payment.purpose in ("TRADE_TOP_UP", "DEPOSIT_TOP_UP")
    rule = bearing.rule_of(goods=case.goods, liability="SHOP" if own else case.liability)
    if order is not None:
        return Bill(case, rule, order.tenant_id if len(order.path) > 1 else None)
    liable_id = await topped_up.liable_for(payment)
    is_platform: bool = await db.fetch_value(
        "select exists (select from tenants where id = $1 and kind = 'ROOT')", liable_id
    )
    return Bill(case, rule, None if is_platform else liable_id)


async def _write_lines(
    bill: Bill, order: Order, payment: Payment, lines: Sequence[Line], amount_minor: int
) -> None:
    """Write the part of each line, in proportion to what is left of it."""
    lines = [line for line in lines if _left_minor(line)]
    parts = largest_remainder(total=amount_minor, weights=[_left_minor(line) for line in lines])
    shares = await records.shares_of(order.id)
    fees = largest_remainder(total=bill.case.fee_lost_minor, weights=parts) if any(parts) else []
    for line, part_minor, fee_minor in zip(lines, parts, fees, strict=False):
        if part_minor:
            of_line = [share for share in shares if share.line_id == line.id]
            await _write_line(bill, order, payment, line, of_line, part_minor)
            if bill.rule == bearing.GOODS_BAD:
                bill.charge_fee(bearing.suppliers_claim(of_line, fee_minor))


def _left_minor(line: Line) -> int:
    return line.paid_minor - line.refunded_minor


async def _write_line(
    bill: Bill,
    order: Order,
    payment: Payment,
    line: Line,
    shares: Sequence[ShareRow],
    amount_minor: int,
) -> None:
    back = await what_comes_back(line, amount_minor, rule=bill.rule)
    given_minor = amount_minor if bill.rule == bearing.GOODS_BAD else back.amount_minor
    to_funders = funding.returned_parts(line, given_minor) if given_minor else []
    loss = bearing.line_loss(
        order,
        line,
        shares,
        amount_minor=amount_minor,
        unopened_minor=back.amount_minor,
        to_funders_minor=sum(minor for _, minor in to_funders),
        rule=bill.rule,
    )
    row = RefundRow(
        id=new_id(),
        reason="CHARGEBACK",
        amount_minor=amount_minor,
        channel_minor=amount_minor,
        borne_minor=loss.borne_minor,
        returned=back.pieces,
        by_share=loss.reversal.by_share,
        to_funders=to_funders,
    )
    await refund_rows.write(order, line, payment, row)
    points_minor = await chargeback_rows.take_points(row.id, order, line, amount_minor, to_funders)
    taken, more_for_shop_minor = less_for_shop(loss.reversal, order, amount_minor=points_minor)
    bill.shops_minor += more_for_shop_minor
    more = [debit(accounts.points(order.tenant_id, order.currency), points_minor)]
    more += [
        ledger.credit(funding.account_of(one, order.currency), minor) for one, minor in to_funders
    ]
    bill.add_line(loss, taken.claims, more, amount_minor)


async def _post(
    bill: Bill,
    order: Order | None,
    earned: Sequence[Earning],
    *,
    covered_minor: int,
    rest_minor: int,
) -> None:
    case = bill.case
    await db.execute(
        """insert into dispute_charges (tenant_id, dispute_id, party_id, kind, amount_minor)
           select $1, $2, party_id, kind, minor
           from unnest($3::uuid[], $4::text[], $5::bigint[]) as charge (party_id, kind, minor)""",
        case.tenant_id,
        case.id,
        [party_id for party_id, _ in bill.charges],
        [kind for _, kind in bill.charges],
        list(bill.charges.values()),
    )
    drawn = await taking.draw(
        bill.claims, earned, currency=case.currency, order=order, shops_minor=bill.shops_minor
    )
    entries = [*drawn.entries, *bill.entries]
    entries.append(debit(accounts.expense("CHARGEBACK_LOSS", case.currency), bill.platform_minor))
    lost = postings.lost(
        case_id=case.id,
        currency=case.currency,
        drawn=entries,
        owed_to_buyer_minor=covered_minor,
        claimed_minor=bill.claimed_minor,
        rest_minor=rest_minor,
        fee_minor=bill.fee_minor,
    )
    if lost:  # else a balance that was topped up has given all of it back already
        await ledger.post(
            lost,
            kind="E10_DISPUTE_LOST",
            idempotency_key=f"dispute-lost:{case.id}",
            tenant_id=case.tenant_id,
            order_id=case.order_id,
        )
    await taking.write(drawn, earned)
