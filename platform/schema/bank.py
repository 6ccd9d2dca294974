"""The operators' desk of the platform's bank: statements in, lines matched, refunds out."""

from typing import Annotated

import strawberry

from billing.bank import files, lines, refunds
from kernel.ids import parse_id, public_id
from orders import failed_refunds as failed
from orders.bank import giving_back, matching
from schema.bank_types import (
    BankLine,
    BankLineConnection,
    BankLineState,
    BankStatement,
    BankStatementAddress,
    FailedRefundConnection,
    failed_connection,
    line_connection,
    line_type,
    statement_type,
)
from schema.context import Info
from schema.problems import Problem, Refusals


@strawberry.input
class PaymentMatchInput:
    """The line pays for the payment; with `toWallet` it goes to the wallet of the payment's
    customer instead."""

    line_id: strawberry.ID
    payment_id: strawberry.ID
    to_wallet: bool = False


@strawberry.input
class BankLineReturnInput:
    """A line that pays for nothing."""

    line_id: strawberry.ID


@strawberry.input
class BankRefundSettleInput:
    """A refund out of `bankRefunds` or `failedRefunds`, whose transfer is sent and says its id;
    with `toWallet` the buyer's wallet has it instead."""

    refund_id: strawberry.ID
    to_wallet: bool = False


@strawberry.type
class BankLineChanged:
    """The line after the decision."""

    line: BankLine


@strawberry.type
class BankRefundSettled:
    """The refund that is not due any more."""

    refund_id: strawberry.ID


@strawberry.type
class BankRefundFile:
    """What is to be transferred back: a CSV file, a transfer a line."""

    count: int
    content: str


BankLinePayload = Annotated[BankLineChanged | Problem, strawberry.union("BankLinePayload")]
BankRefundPayload = Annotated[BankRefundSettled | Problem, strawberry.union("BankRefundPayload")]
BankStatementPayload = Annotated[BankStatement | Problem, strawberry.union("BankStatementPayload")]
BankStatementUploadPayload = Annotated[
    BankStatementAddress | Problem, strawberry.union("BankStatementUploadPayload")
]


@strawberry.type
class BankQuery:
    """What the bank has told, and what it is to send."""

    @strawberry.field(description="The bank's lines in one state, the newest first.")
    async def bank_lines(
        self,
        info: Info,
        state: BankLineState = BankLineState.WAITING,
        first: int = 20,
        after: str | None = None,
    ) -> BankLineConnection:
        """Read a page of lines."""
        return line_connection(await lines.lines_page(state.value, first=first, after=after))

    @strawberry.field(description="How the import of a statement goes.", extensions=[Refusals()])
    async def bank_statement(self, info: Info, statement_id: strawberry.ID) -> BankStatementPayload:
        """Read an import."""
        which = parse_id("bks", statement_id, field="statementId")
        return statement_type(await files.statement_file(which))

    @strawberry.field(
        description="What a channel has refused to give back to buyers of the shop, at the "
        "platform's own address of every shop; `bankRefundSettle` gives it otherwise."
    )
    async def failed_refunds(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> FailedRefundConnection:
        """Read a page of them."""
        shop = info.context.shop
        of = None if len(shop.path) == 1 else shop.id
        return failed_connection(await failed.failed_page(first=first, after=after, of=of))

    @strawberry.field(description="The transfers back that are due, as a file for the bank.")
    async def bank_refunds(self, info: Info) -> BankRefundFile:
        """Write the file."""
        due = await refunds.due_refunds()
        content = refunds.transfers_file(due)
        return BankRefundFile(count=len(due), content=content)


@strawberry.type
class BankMutation:
    """What an operator decides about money at the bank."""

    @strawberry.mutation(
        description="An address to send a bank statement to: a CSV file of at most 10 MB, by PUT.",
        extensions=[Refusals()],
    )
    async def bank_statement_upload_start(self, info: Info) -> BankStatementUploadPayload:
        """Sign an address."""
        ticket = await files.issue_ticket(info.context.actor)
        return BankStatementAddress(
            url=f"{info.context.origin}/bank-statements/{ticket.token}",
            statement_id=strawberry.ID(public_id("bks", ticket.file_id)),
            expires_at=ticket.expires_at,
        )

    @strawberry.mutation(
        description="Use a waiting line for a payment, or for its customer's wallet. Said again, "
        "it is done already.",
        extensions=[Refusals()],
    )
    async def payment_match(self, info: Info, input: PaymentMatchInput) -> BankLinePayload:
        """Let a line pay."""
        line_id = parse_id("bkl", input.line_id, field="lineId")
        payment_id = parse_id("pay", input.payment_id, field="paymentId")
        decide = matching.credit_wallet if input.to_wallet else matching.match_line
        await decide(line_id=line_id, payment_id=payment_id, actor=info.context.actor)
        return BankLineChanged(line=line_type(await lines.bank_line(line_id)))

    @strawberry.mutation(
        description="Owe a waiting line's money to its sender. Said again, it is done already.",
        extensions=[Refusals()],
    )
    async def bank_line_return(self, info: Info, input: BankLineReturnInput) -> BankLinePayload:
        """Give a line back."""
        line_id = parse_id("bkl", input.line_id, field="lineId")
        await giving_back.return_line(line_id=line_id, actor=info.context.actor)
        return BankLineChanged(line=line_type(await lines.bank_line(line_id)))

    @strawberry.mutation(
        description="Note that a transfer back was sent, or give it to the buyer's wallet. Said "
        "again, it is done already.",
        extensions=[Refusals()],
    )
    async def bank_refund_settle(
        self, info: Info, input: BankRefundSettleInput
    ) -> BankRefundPayload:
        """End a transfer back."""
        own_id = parse_id("ref", input.refund_id, field="refundId")
        await giving_back.settle_refund(
            bank_refund_id=own_id, to_wallet=input.to_wallet, actor=info.context.actor
        )
        return BankRefundSettled(refund_id=input.refund_id)
