"""Statements in the schema's words."""

from datetime import datetime
from typing import Annotated

import strawberry

from bookkeeping.statements.files import FileState
from bookkeeping.statements.files import StatementFile as File
from bookkeeping.statements.lines import StatementLine as Line
from bookkeeping.statements.party_accounts import AccountName
from bookkeeping.statements.summing import AccountSummary
from bookkeeping.statements.words import words_of
from bookkeeping.statements.writers import StatementFormat
from kernel.ids import public_id
from schema.connections import PageInfo
from schema.context import Context
from schema.money import Money, amount
from schema.problems import Problem

strawberry.enum(
    StatementFormat, description="CSV in UTF-8, an Excel workbook, or a PDF of 5,000 lines at most."
)
strawberry.enum(FileState, name="StatementFileState", description="How far a file has got.")
strawberry.enum(AccountName, name="StatementAccountName", description="An account of a party.")


@strawberry.type(description="What one kind of event brought into an account, and took out of it.")
class StatementKindTotal:
    """`kind` is for programs, `what` says it in words."""

    kind: str
    what: str
    in_: Money = strawberry.field(name="in")
    out: Money
    entries: int


@strawberry.type(description="One account over the period: opening + in - out = closing.")
class StatementAccount:
    """In the party's view: what it owes is negative."""

    account: AccountName
    opening: Money
    in_: Money = strawberry.field(name="in")
    out: Money
    closing: Money
    kinds: list[StatementKindTotal] = strawberry.field(metadata={"assumed_size": 10})


@strawberry.type(description="A part of an entry: what it brought the party, or cost it.")
class StatementLine:
    """`part` is SHARE of an order, CHANNEL_FEE or POINTS that a shop's share has paid, DEBT_REPAID,
    or the whole ENTRY; `shareId` names the frozen share that it is a part of."""

    posted_at: datetime
    account: AccountName
    kind: str
    part: str
    what: str
    order_no: str | None
    goods: str | None
    share_id: strawberry.ID | None
    amount: Money


@strawberry.type
class StatementLineEdge:
    """A line and the cursor that continues after it."""

    cursor: str
    node: StatementLine


@strawberry.type
class StatementLineConnection:
    """A page of lines, the oldest first."""

    edges: list[StatementLineEdge]
    page_info: PageInfo


@strawberry.type(description="A statement's file, until it is forgotten.")
class StatementFile:
    """`url` is good for ten minutes, and is the permission; ask again for another one. A file is
    kept for a week. `sha256` is of its content."""

    id: strawberry.ID
    state: FileState
    format: StatementFormat
    since: datetime
    until: datetime
    currency: str
    rows_done: int
    size_bytes: int | None
    sha256: str | None
    problem: str | None
    url: str | None
    url_ends_at: datetime | None


def account_type(summary: AccountSummary, context: Context, currency: str) -> StatementAccount:
    """Put an account into the schema's words."""
    return StatementAccount(
        account=summary.name,
        opening=amount(summary.opening_minor, currency),
        in_=amount(summary.in_minor, currency),
        out=amount(summary.out_minor, currency),
        closing=amount(summary.closing_minor, currency),
        kinds=[
            StatementKindTotal(
                kind=total.kind,
                what=words_of(total.kind, "ENTRY", None, english=context.english),
                in_=amount(total.in_minor, currency),
                out=amount(total.out_minor, currency),
                entries=total.entries,
            )
            for total in summary.kinds
        ],
    )


def line_type(line: Line, context: Context, currency: str) -> StatementLine:
    """Put a line into the schema's words."""
    return StatementLine(
        posted_at=line.posted_at,
        account=line.account,
        kind=line.kind,
        part=line.part,
        what=words_of(line.kind, line.part, line.role, english=context.english),
        order_no=line.order_no,
        goods=context.words(line.name_zh or "", line.name_en or "") or None,
        share_id=strawberry.ID(public_id("shr", line.share_id)) if line.share_id else None,
        amount=amount(line.amount_minor, currency),
    )


def file_type(file: File, *, url: str | None, url_ends_at: datetime | None) -> StatementFile:
    """Put a file into the schema's words."""
    return StatementFile(
        id=strawberry.ID(public_id("stm", file.id)),
        state=file.state,
        format=file.format,
        since=file.since,
        until=file.until,
        currency=file.currency,
        rows_done=file.rows_done,
        size_bytes=file.size_bytes,
        sha256=file.sha256.hex() if file.sha256 else None,
        problem=file.problem,
        url=url,
        url_ends_at=url_ends_at,
    )


@strawberry.type
class StatementAsked:
    """The file as it is now."""

    file: StatementFile


@strawberry.type
class StatementFiles:
    """Files of one party, the newest first, without addresses: `statementFile` gives them."""

    files: list[StatementFile]


StatementFilesPayload = Annotated[
    StatementFiles | Problem, strawberry.union("StatementFilesPayload")
]
StatementAskPayload = Annotated[StatementAsked | Problem, strawberry.union("StatementAskPayload")]
StatementFilePayload = Annotated[StatementFile | Problem, strawberry.union("StatementFilePayload")]
