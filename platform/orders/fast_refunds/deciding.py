"""What becomes of a claim that was paid for (E8): upheld, or rejected, or nobody has said anything.

Upheld, everybody gives back what the sale brought them, and the supplier's deposit has it, but for
the channel's fee and the sale. Rejected, the key was good: the buyer pays as far as the wallet
goes, the platform the rest, and what the line has earned is free. A silent supplier was wrong.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from billing import accounts, debts, ledger
from billing.ledger import Entry
from kernel import crypto, db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from kernel.log import get_logger
from orders import clawback, funding, news, records, refund_posting, refund_writing
from orders.deposits import stopping, whose
from orders.earnings import holding, noting
from orders.earnings import rows as earning_rows
from orders.fast_refunds import postings, rows
from orders.fast_refunds.accepting import before
from orders.fast_refunds.rows import FastRefund
from orders.points_refunds import move_points
from orders.records import Funding, Line, Order

LONGEST_REASON = 500
DECIDED_AT_ONCE = 50
CLOCK = "clock"
log = get_logger(__name__)


async def decide(claim_id: UUID, *, uphold: bool, reason: str, actor: str) -> None:
    """Decide a claim once. Raises `NotFound`, and `Invalid` for one that is decided."""
    words = crypto.normalised(reason)
    if len(words) > LONGEST_REASON or not words.isprintable():
        message = f"A reason has at most {LONGEST_REASON} printable characters."
        raise Invalid(message, field="reason")
    claim = await rows.find(claim_id)
    if not await _decided(claim, uphold=uphold, reason=words, actor=actor):
        raise Invalid("This claim is decided.", field="fastRefundId")


async def uphold_silent(at_most: int = DECIDED_AT_ONCE) -> int:
    """Uphold the claims that nobody has answered in time; returns how many."""
    upheld = 0
    for claim in await rows.due(at_most):
        try:
            upheld += await _decided(claim, uphold=True, reason="", actor=CLOCK)
        except Exception as error:  # one bad row must not stop the others
            log.error("claim_not_decided", claim=str(claim.id), exc_info=error)
    return upheld


async def _decided(claim: FastRefund, *, uphold: bool, reason: str, actor: str) -> bool:
    """Decide it, unless somebody else has."""
    party = await whose.party_by_id("SUPPLIER", claim.supplier_id)
    async with db.transaction(db.core_scope(claim.tenant_id)):
        order = await records.locked_order(claim.order_id)
        claim = await rows.locked(claim)
        if claim.state != "ACCEPTED":
            return False
        if uphold:
            await _uphold(claim, order, actor=actor, reason=reason)
        else:
            await _reject(claim, order, actor=actor, reason=reason)
        await holding.release(claim.id)
        await stopping.follow(party)
        crash_point("fast_refund.decided")
    await news.order_changed(claim.tenant_id, claim.order_id)
    return True


async def _uphold(claim: FastRefund, order: Order, *, actor: str, reason: str) -> None:
    """Take everybody's part back, out of what was held of it first, and pay the deposit back.

    The buyer has had the money: of the points that the sale has earned, those that are there go
    back, and those that have paid for it come back.
    """
    line = next(one for one in await records.lines_of(order.id) if one.id == claim.line_id)
    was = before(claim, line)
    to_funders = funding.returned_parts(was, claim.amount_minor)
    points = await move_points(claim.refund_id, order, was, claim.amount_minor, to_funders)
    points = replace(points, withheld=0)
    taken = await _reversal(claim, was, sum(minor for _, minor in to_funders))
    earned = await noting.lock_earnings(order.id, [claim.line_id])
    debt = accounts.receivable(claim.supplier_id, claim.currency)
    drawn = await refund_posting.draw(order, taken, earned, [debt], points, on_credit=True)
    posting_id = await ledger.post(
        ledger.merged(
            [
                *drawn.entries,
                *_given_back(claim, to_funders),
                ledger.debit(accounts.points(claim.tenant_id, claim.currency), points.taken_minor),
                *postings.paid_back(
                    claim.supplier_id,
                    claim.currency,
                    amount_minor=_back_minor(taken, to_funders),
                    debt_minor=-await ledger.balance(debt),
                ),
            ]
        ),
        kind="E8_UPHELD",
        idempotency_key=f"fast-refund-upheld:{claim.id}",
        tenant_id=claim.tenant_id,
        order_id=claim.order_id,
    )
    await earning_rows.write_stages(drawn.changed(earned))
    await earning_rows.write_ahead(drawn.ahead)
    await rows.reverse_shares(order.id, taken, to_funders)
    await rows.end(claim, "UPHELD", posting_id=posting_id, actor=actor, reason=reason)
    if order.refunded_minor == order.total_minor:
        await refund_writing.release_coupons_of(order)


def _given_back(claim: FastRefund, to_funders: Sequence[tuple[Funding, int]]) -> list[Entry]:
    """What others than the shop had given for the buyer's discount."""
    return [
        ledger.credit(funding.account_of(one, claim.currency), minor) for one, minor in to_funders
    ]


def _back_minor(taken: clawback.Reversal, to_funders: Sequence[tuple[Funding, int]]) -> int:
    """What is left of everybody's parts for the deposit, in minor units."""
    return taken.taken_minor - sum(minor for _, minor in to_funders)


async def _reversal(claim: FastRefund, was: Line, funded_minor: int) -> clawback.Reversal:
    shares = [one for one in await records.shares_of(claim.order_id) if one.line_id == was.id]
    whole = clawback.reversal(
        was,
        shares,
        amount_minor=claim.amount_minor,
        fault_of_supplier=True,
        to_funders_minor=funded_minor,
    )
    return replace(whole, claims=tuple(postings.claims_upheld(whole.claims)))


async def _reject(claim: FastRefund, order: Order, *, actor: str, reason: str) -> None:
    """Let the buyer pay as far as the wallet goes, and the platform the rest."""
    wallet = None
    if order.customer_id is not None:
        wallet = accounts.wallet(order.customer_id, claim.currency)
    debt = accounts.receivable(claim.supplier_id, claim.currency)
    balances, owed = await debts.lock_balances_and_debts([wallet] if wallet else [], [debt])
    wallet_minor = min(claim.amount_minor, max(balances[wallet], 0)) if wallet else 0
    posting_id = new_id()
    await ledger.post(
        postings.rejected(
            claim.supplier_id,
            claim.currency,
            amount_minor=claim.amount_minor,
            debt_minor=owed[debt],
            wallet=wallet,
            wallet_minor=wallet_minor,
        ),
        kind="E8_REJECTED",
        idempotency_key=f"fast-refund-rejected:{claim.id}",
        tenant_id=claim.tenant_id,
        posting_id=posting_id,
    )
    await rows.end(
        claim,
        "REJECTED",
        posting_id=posting_id,
        actor=actor,
        reason=reason,
        taken_back_minor=wallet_minor,
    )
