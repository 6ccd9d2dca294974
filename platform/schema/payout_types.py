"""How payouts, the places they go to, and their batches are shown."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum

import strawberry

from billing.payouts.batches import Batch, BatchPage
from billing.payouts.methods import PayoutMethod as StoredMethod
from billing.payouts.parties import PARTY_IDS
from billing.payouts.rows import Payout as StoredPayout
from billing.payouts.rows import PayoutPage
from billing.payouts.states import MethodKind
from billing.payouts.states import PayoutState as State
from kernel.ids import public_id
from schema.connections import PageInfo
from schema.money import Money, amount


@strawberry.enum
class PayoutMethodKind(Enum):
    """An account at the channel, or one at a bank."""

    STRIPE_ACCOUNT = MethodKind.STRIPE_ACCOUNT.value
    BANK_ACCOUNT = MethodKind.BANK_ACCOUNT.value


@strawberry.enum(description="How far a payout is.")
class PayoutState(Enum):
    """It can be cancelled while REQUESTED; FAILED and RETURNED: its money is available again."""

    REQUESTED = State.REQUESTED.value
    CHECKING = State.CHECKING.value
    HELD = State.HELD.value
    APPROVED = State.APPROVED.value
    BATCHED = State.BATCHED.value
    SENT = State.SENT.value
    PAID = State.PAID.value
    FAILED = State.FAILED.value
    RETURNED = State.RETURNED.value
    REJECTED = State.REJECTED.value
    CANCELED = State.CANCELED.value


@strawberry.type
class PayoutMethod:
    """Where the caller is paid. Nothing goes there before `usableAt`, nor until it is `ready`:
    `requirements` are what the channel still asks of an account's holder."""

    id: strawberry.ID
    kind: PayoutMethodKind
    currency: str
    bank: str | None
    last_four: str | None
    ready: bool
    requirements: list[str]
    created_at: datetime
    usable_at: datetime
    ended_at: datetime | None


@strawberry.type
class Payout:
    """Money on its way to the caller; `fee` is a part of `amount`."""

    id: strawberry.ID
    method_id: strawberry.ID
    amount: Money
    fee: Money
    state: PayoutState
    requested_at: datetime
    changed_at: datetime


@strawberry.type
class PayoutEdge:
    """A payout and the cursor that continues after it."""

    cursor: str
    node: Payout


@strawberry.type
class PayoutConnection:
    """A page of payouts, the newest first."""

    edges: list[PayoutEdge]
    page_info: PageInfo


@strawberry.type
class PayoutReview:
    """A payout as who decides about it sees it: whose it is, and what asks for a second look."""

    payout: Payout
    party_id: strawberry.ID
    method_kind: PayoutMethodKind
    reasons: list[str]
    approvals_needed: int
    attempt: int
    note: str | None
    batch_id: strawberry.ID | None


@strawberry.type
class PayoutReviewEdge:
    """A payout and the cursor that continues after it."""

    cursor: str
    node: PayoutReview


@strawberry.type
class PayoutReviewConnection:
    """A page of everybody's payouts, the newest first."""

    edges: list[PayoutReviewEdge]
    page_info: PageInfo


@strawberry.type
class PayoutBatch:
    """Payouts that go out together; `net` is what arrives. `fileSha256` is the bank file's."""

    id: strawberry.ID
    day: date
    number: int
    method: PayoutMethodKind
    sent_at: datetime | None
    payouts: int
    paid: int
    amount: Money
    net: Money
    file_sha256: str | None


@strawberry.type
class PayoutBatchEdge:
    """A batch and the cursor that continues after it."""

    cursor: str
    node: PayoutBatch


@strawberry.type
class PayoutBatchConnection:
    """A page of batches, the newest first."""

    edges: list[PayoutBatchEdge]
    page_info: PageInfo


def method_type(method: StoredMethod) -> PayoutMethod:
    """Show a place to be paid at."""
    return PayoutMethod(
        id=strawberry.ID(public_id("pym", method.id)),
        kind=PayoutMethodKind(method.kind.value),
        currency=method.currency,
        bank=method.bank,
        last_four=method.last_four,
        ready=method.ready,
        requirements=list(method.requirements),
        created_at=method.created_at,
        usable_at=method.usable_at,
        ended_at=method.ended_at,
    )


def payout_type(payout: StoredPayout) -> Payout:
    """Show a payout to its party."""
    return Payout(
        id=strawberry.ID(public_id("pyt", payout.id)),
        method_id=strawberry.ID(public_id("pym", payout.method_id)),
        amount=amount(payout.amount_minor, payout.currency),
        fee=amount(payout.fee_minor, payout.currency),
        state=PayoutState(payout.state.value),
        requested_at=payout.requested_at,
        changed_at=payout.changed_at,
    )


def review_type(payout: StoredPayout) -> PayoutReview:
    """Show a payout to who decides about it."""
    batch_id = payout.batch_id
    return PayoutReview(
        payout=payout_type(payout),
        party_id=strawberry.ID(public_id(PARTY_IDS[payout.party_kind], payout.party_id)),
        method_kind=PayoutMethodKind(payout.method_kind.value),
        reasons=list(payout.reasons),
        approvals_needed=payout.approvals_needed,
        attempt=payout.attempt,
        note=payout.note,
        batch_id=None if batch_id is None else strawberry.ID(public_id("pyb", batch_id)),
    )


def batch_type(batch: Batch) -> PayoutBatch:
    """Show a batch."""
    return PayoutBatch(
        id=strawberry.ID(public_id("pyb", batch.id)),
        day=batch.day,
        number=batch.number,
        method=PayoutMethodKind(batch.method_kind.value),
        sent_at=batch.sent_at,
        payouts=batch.payouts,
        paid=batch.paid,
        amount=amount(batch.amount_minor, batch.currency),
        net=amount(batch.net_minor, batch.currency),
        file_sha256=None if batch.file_hash is None else batch.file_hash.hex(),
    )


def payout_connection(page: PayoutPage) -> PayoutConnection:
    """Show a page of a party's payouts."""
    edges = [
        PayoutEdge(cursor=cursor, node=payout_type(row))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    return PayoutConnection(edges=edges, page_info=_page_info(page.cursors, page.has_next))


def review_connection(page: PayoutPage) -> PayoutReviewConnection:
    """Show a page of everybody's payouts."""
    edges = [
        PayoutReviewEdge(cursor=cursor, node=review_type(row))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    return PayoutReviewConnection(edges=edges, page_info=_page_info(page.cursors, page.has_next))


def batch_connection(page: BatchPage) -> PayoutBatchConnection:
    """Show a page of batches."""
    edges = [
        PayoutBatchEdge(cursor=cursor, node=batch_type(row))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    return PayoutBatchConnection(edges=edges, page_info=_page_info(page.cursors, page.has_next))


def _page_info(cursors: Sequence[str], has_next: bool) -> PageInfo:
    return PageInfo(has_next_page=has_next, end_cursor=cursors[-1] if cursors else None)
