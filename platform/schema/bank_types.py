"""What is seen at the desk of the platform's bank."""

from datetime import date, datetime
from enum import Enum

import strawberry

from billing.bank import files, lines
from kernel.ids import public_id
from orders import failed_refunds
from schema.connections import PageInfo
from schema.money import Money, amount


@strawberry.enum
class BankLineState(Enum):
    """What has become of a line: WAITING for a decision, MATCHED to a payment, CREDITED to a
    wallet, RETURNED to its sender, BOOKED by hand before it came, OWN money of the platform's that
    a channel or a payout has brought; SENT is what went out."""

    WAITING = "WAITING"
    MATCHED = "MATCHED"
    CREDITED = "CREDITED"
    RETURNED = "RETURNED"
    BOOKED = "BOOKED"
    OWN = "OWN"
    SENT = "SENT"


@strawberry.enum
class BankStatementState(Enum):
    """WAITING for the worker, then DONE, or REFUSED with nothing written."""

    WAITING = "WAITING"
    DONE = "DONE"
    REFUSED = "REFUSED"


@strawberry.type
class BankLine:
    """A line of the bank's statement; what went out is below zero. While it waits, `paymentId` is
    the payment that its reference names."""

    id: strawberry.ID
    bank_id: str
    booked_on: date
    amount: Money
    message: str
    sender_name: str
    sender_account: str
    state: BankLineState
    payment_id: strawberry.ID | None
    decided_by: str | None
    created_at: datetime


@strawberry.type
class BankLineEdge:
    """A line and the cursor that continues after it."""

    cursor: str
    node: BankLine


@strawberry.type
class BankLineConnection:
    """A page of lines, the newest first."""

    edges: list[BankLineEdge]
    page_info: PageInfo


@strawberry.type
class BankStatementProblem:
    """What is wrong with a line of the file; the header is line 1."""

    line: int
    column: str
    code: str


@strawberry.type
class BankStatement:
    """How the import of a statement goes; `newLines` were not known before."""

    id: strawberry.ID
    state: BankStatementState
    lines: int
    new_lines: int
    problems: list[BankStatementProblem]


@strawberry.type
class BankStatementAddress:
    """Where a statement is sent to, by PUT, before the address ends."""

    url: str
    statement_id: strawberry.ID
    expires_at: datetime


def line_type(line: lines.BankLine) -> BankLine:
    """Put a line into the schema's words."""
    payment_id = line.payment_id
    return BankLine(
        id=strawberry.ID(public_id("bkl", line.id)),
        bank_id=line.bank_id,
        booked_on=line.booked_on,
        amount=amount(line.amount_minor, line.currency),
        message=line.message,
        sender_name=line.sender_name,
        sender_account=line.sender_account,
        state=BankLineState(line.state),
        payment_id=strawberry.ID(public_id("pay", payment_id)) if payment_id else None,
        decided_by=line.decided_by,
        created_at=line.created_at,
    )


def line_connection(page: lines.LinePage) -> BankLineConnection:
    """Put a page of lines into the schema's words."""
    edges = [
        BankLineEdge(cursor=cursor, node=line_type(row))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return BankLineConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )


def statement_type(file: files.StatementFile) -> BankStatement:
    """Put an import into the schema's words."""
    return BankStatement(
        id=strawberry.ID(public_id("bks", file.id)),
        state=BankStatementState(file.state),
        lines=file.lines,
        new_lines=file.new_lines,
        problems=[
            BankStatementProblem(line=one.line, column=one.column, code=one.code)
            for one in file.problems
        ],
    )


@strawberry.type
class FailedRefund:
    """What a channel has refused to give back, and the buyer is owed."""

    id: strawberry.ID
    order_no: str | None
    method: str
    reason: str
    amount: Money
    created_at: datetime


@strawberry.type
class FailedRefundEdge:
    """A refused refund and the cursor that continues after it."""

    cursor: str
    node: FailedRefund


@strawberry.type
class FailedRefundConnection:
    """A page of refused refunds, the newest first."""

    edges: list[FailedRefundEdge]
    page_info: PageInfo


def failed_connection(page: failed_refunds.FailedPage) -> FailedRefundConnection:
    """Put a page of refused refunds into the schema's words."""
    edges = [
        FailedRefundEdge(
            cursor=cursor,
            node=FailedRefund(
                id=strawberry.ID(public_id("ref", row.id)),
                order_no=row.order_no,
                method=row.method,
                reason=row.reason,
                amount=amount(row.owed_minor, row.currency),
                created_at=row.created_at,
            ),
        )
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return FailedRefundConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )
