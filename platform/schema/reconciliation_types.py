"""What operators see of reconciliation: runs, their totals, items, and the gates of payouts."""

from datetime import date, datetime
from enum import Enum

import strawberry

from billing.payout_gate import Gate
from kernel.ids import public_id
from reconciliation.items import Item, RunView, Total
from schema.connections import PageInfo
from schema.context import Context
from schema.money import Money, amount


@strawberry.enum
class ReconciliationStep(Enum):
    """How far a run has come: statements, the ledger's movements, orders, the comparison."""

    FETCH = "FETCH"
    GATHER = "GATHER"
    ORDERS = "ORDERS"
    MATCH = "MATCH"
    DONE = "DONE"


@strawberry.enum
class ReconciliationItemKind(Enum):
    """What differs. TIMING: one side has it today and the other tomorrow, which is in order."""

    MISSING_IN_LEDGER = "MISSING_IN_LEDGER"
    MISSING_AT_PROVIDER = "MISSING_AT_PROVIDER"
    AMOUNT = "AMOUNT"
    FEE = "FEE"
    CURRENCY = "CURRENCY"
    DUPLICATE = "DUPLICATE"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    TIMING = "TIMING"
    PAYMENT = "PAYMENT"
    WALLET = "WALLET"
    ESCROW = "ESCROW"
    SHARES = "SHARES"
    KEYS = "KEYS"
    REFUNDS = "REFUNDS"


@strawberry.enum
class ReconciliationFix(Enum):
    """What would put it right. The first three are done by `reconciliationItemResolve`."""

    APPLY_EVENT = "APPLY_EVENT"
    ADJUST_FEE = "ADJUST_FEE"
    BOOK = "BOOK"
    WAIT = "WAIT"
    ASK_PROVIDER = "ASK_PROVIDER"
    REVERSE = "REVERSE"
    LEDGER_ADJUST = "LEDGER_ADJUST"
    RECORD_RESULT = "RECORD_RESULT"


@strawberry.enum
class ReconciliationItemState(Enum):
    """ACCEPTED: it differs, and somebody has said that it may."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"
    ACCEPTED = "ACCEPTED"


@strawberry.enum
class ReconciliationHow(Enum):
    """How an item was resolved. GONE: by itself."""

    GONE = "GONE"
    APPLY_EVENT = "APPLY_EVENT"
    ADJUST_FEE = "ADJUST_FEE"
    BOOK = "BOOK"
    BY_HAND = "BY_HAND"


_IN_WORDS = {
    "APPLY_EVENT": (
        "向渠道查询，并按收到通知处理。",
        "Ask the channel, and hear what it says as if it had told us.",
    ),
    "ADJUST_FEE": ("按渠道实际手续费补记差额。", "Book the fee that the channel has kept."),
    "BOOK": (
        "按账单入账：渠道或银行已自行处理的款项。",
        "Book what the provider has done by itself, or take the bank's line for it.",
    ),
    "WAIT": ("等待下一日对账。", "Wait for the next day's run."),
    "ASK_PROVIDER": ("联系渠道或银行核实。", "Ask the provider or the bank."),
    "REVERSE": ("冲销多记的分录。", "Mirror the posting that should not be there."),
    "RECORD_RESULT": (
        "银行已汇出：请登记提现结果或退款已汇出。",
        "The bank has sent it: record the payout's result, or the refund as sent.",
    ),
    "LEDGER_ADJUST": ("由两人核对后调账。", "Find out why, and adjust the ledger: two people do."),
}


@strawberry.type
class ReconciliationTotal:
    """A day's totals of a book: STRIPE or another channel, BANK, or ORDERS, where `ours` is the
    ledger and `theirs` the orders. Without a statement there is nothing of theirs."""

    book: str
    our_count: int
    ours: Money
    our_fees: Money
    their_count: int | None
    theirs: Money | None
    their_fees: Money | None


@strawberry.type
class ReconciliationRun:
    """A day's run. `problem` says why it waits."""

    day: date
    step: ReconciliationStep
    problem: str
    entries_fetched: int
    postings_read: int
    orders_read: int
    references_matched: int
    began_at: datetime
    ended_at: datetime | None
    totals: list[ReconciliationTotal] = strawberry.field(metadata={"assumed_size": 5})


@strawberry.type
class ReconciliationItem:
    """A difference: of a payment, refund or order that `reference` names, as the book calls it."""

    id: strawberry.ID
    day: date
    last_day: date
    book: str
    reference: str
    kind: ReconciliationItemKind
    fix: ReconciliationFix
    fix_in_words: str
    our_count: int
    their_count: int
    ours: Money
    theirs: Money
    our_fee: Money
    their_fee: Money
    difference: Money
    state: ReconciliationItemState
    how: ReconciliationHow | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    found_at: datetime


@strawberry.type
class ReconciliationItemConnection:
    """A page of items, the newest first."""

    nodes: list[ReconciliationItem]
    page_info: PageInfo


@strawberry.type
class PayoutGate:
    """Nothing is paid out in a currency while more than `threshold` is open in it."""

    threshold: Money
    open: Money
    open_items: int
    shut_since: datetime | None


def run_type(run: RunView) -> ReconciliationRun:
    """Put a run into the schema's words."""
    return ReconciliationRun(
        day=run.day,
        step=ReconciliationStep(run.step),
        problem=run.problem,
        entries_fetched=run.entries_fetched,
        postings_read=run.postings_read,
        orders_read=run.orders_read,
        references_matched=run.references_matched,
        began_at=run.began_at,
        ended_at=run.ended_at,
        totals=[_total(total) for total in run.totals],
    )


def _total(total: Total) -> ReconciliationTotal:
    def theirs(minor: int | None) -> Money | None:
        return None if minor is None else amount(minor, total.currency)

    return ReconciliationTotal(
        book=total.book,
        our_count=total.our_count,
        ours=amount(total.our_minor, total.currency),
        our_fees=amount(total.our_fee_minor, total.currency),
        their_count=total.their_count,
        theirs=theirs(total.their_minor),
        their_fees=theirs(total.their_fee_minor),
    )


def item_type(item: Item, context: Context) -> ReconciliationItem:
    """Put an item into the schema's words."""
    their_currency = item.their_currency or item.currency
    return ReconciliationItem(
        id=strawberry.ID(public_id("rit", item.id)),
        day=item.day,
        last_day=item.last_day,
        book=item.book,
        reference=item.reference,
        kind=ReconciliationItemKind(item.kind),
        fix=ReconciliationFix(item.fix),
        fix_in_words=context.words(*_IN_WORDS[item.fix]),
        our_count=item.our_count,
        their_count=item.their_count,
        ours=amount(item.our_minor, item.currency),
        theirs=amount(item.their_minor, their_currency),
        our_fee=amount(item.our_fee_minor, item.currency),
        their_fee=amount(item.their_fee_minor, their_currency),
        difference=amount(item.difference_minor, item.currency),
        state=ReconciliationItemState(item.state),
        how=None if item.how is None else ReconciliationHow(item.how),
        decided_by=item.decided_by,
        decided_at=item.decided_at,
        reason=item.reason,
        found_at=item.found_at,
    )


def gate_type(gate: Gate) -> PayoutGate:
    """Put a gate into the schema's words."""
    return PayoutGate(
        threshold=amount(gate.threshold_minor, gate.currency),
        open=amount(gate.open_minor, gate.currency),
        open_items=gate.open_items,
        shut_since=gate.shut_since,
    )
