"""A line of the bank's statement becomes the money of a payment, as if a channel had reported it.

Settling, late money, wrong amounts are what they are for every channel: the line is one more report
to `hear`. The database takes the line with the payment's event, so it pays once, whoever tries.
By itself a line pays only for an open payment that its reference names, of its very amount and
currency. Everything else waits for an operator.
"""

from typing import Final
from uuid import UUID

import asyncpg

from billing import accounts, ledger, payments
from billing.accounts import BANK
from billing.bank import lines
from billing.bank.lines import BankLine
from billing.bank.references import references_in
from billing.payment_methods.base import ChannelReport
from billing.payments import Payment
from billing.postings import bank as postings
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.faults import crash_point
from kernel.log import get_logger
from orders import settlement

log = get_logger(__name__)
LINES_AT_ONCE: Final = 100
_BY_ITSELF: Final = "reference"
_DUE: Final = """
select id from bank_lines where state = 'WAITING' and looked_at is null order by id limit $1
"""


async def match_new_lines() -> int:
    """Let every line that nobody has looked at pay for what its reference names; how many."""
    rows = await db.read(db.core_scope(), _DUE, LINES_AT_ONCE)
    for row in rows:
        try:
            await _match_by_reference(await lines.bank_line(row["id"]))
        except Exception as error:  # one bad row must not stop the others
            log.error("bank_line_not_matched", line=str(row["id"]), exc_info=error)
    return len(rows)


async def _match_by_reference(line: BankLine) -> None:
    payment = await _named_by(line)
    if payment is not None and payment.open and _is_exact(line, payment):
        await _hear(line, payment, by=_BY_ITSELF)
        crash_point("bank.matched")
    async with db.transaction(db.core_scope()):
        await db.execute(
            """update bank_lines set looked_at = platform_now(),
                      payment_id = coalesce(payment_id, $2) where id = $1""",
            line.id,
            payment.id if payment is not None else None,
        )


async def _named_by(line: BankLine) -> Payment | None:
    """The one payment whose reference stands on the transfer; None for none, or for several."""
    rows = await db.read(
        db.core_scope(),
        f"""select {payments.PAYMENT_COLUMNS} from payments
            where provider = $1 and provider_ref = any ($2)""",
        BANK,
        list(references_in(line.message)),
    )
    return Payment(**rows[0]) if len(rows) == 1 else None


def _is_exact(line: BankLine, payment: Payment) -> bool:
    return (line.amount_minor, line.currency) == (payment.channel_minor, payment.currency)


async def match_line(*, line_id: UUID, payment_id: UUID, actor: str) -> None:
    """Let a line pay for a payment by an operator's word; the same word again changes nothing.

    A wrong amount, or money that comes too late, goes back (E13), as it does from every channel.
    Raises `NotFound`, `LineUsed`, and `Invalid` for a payment that is not by bank, or that has its
    money.
    """
    line, payment = await _asked_about(line_id, payment_id)
    if line.state == "MATCHED" and line.payment_id == payment.id:
        return
    if payment.provider != BANK or payment.provider_ref is None:
        raise Invalid("This payment is not by bank transfer.", field="paymentId")
    if line.state != "WAITING":
        raise lines.line_used(line.state)
    if payment.status in ("SUCCEEDED", "UNAPPLIED"):
        raise Invalid(
            "This payment has its money: return the line, or credit the wallet.", field="paymentId"
        )
    if not await _hear(line, payment, by=actor):
        raise lines.line_used((await lines.bank_line(line_id)).state)


async def credit_wallet(*, line_id: UUID, payment_id: UUID, actor: str) -> None:
    """Give a line's money to the wallet of whoever wanted to pay that payment.

    Raises `NotFound`, `LineUsed`, and `Invalid` where no customer has opened the payment, or in
    another currency.
    """
    line, payment = await _asked_about(line_id, payment_id)
    if payment.customer_id is None:
        raise Invalid("No customer has opened this payment.", field="paymentId")
    if payment.currency != line.currency:
        raise Invalid(f"This wallet is in {payment.currency}.", field="paymentId")
    if line.state == "CREDITED" and line.payment_id == payment.id:
        return
    wallet = accounts.wallet(payment.customer_id, line.currency)
    credited = postings.credited(balance=wallet, amount_minor=line.amount_minor)
    async with db.transaction(db.core_scope(payment.tenant_id)):
        await ledger.open_accounts(credited)  # a settlement takes the line after it has posted
        await lines.use(line.id, as_state="CREDITED", payment_id=payment.id, by=actor)
        await ledger.post(
            credited,
            kind="BANK_CREDIT",
            idempotency_key=f"bank-credit-line:{line.id}",
            tenant_id=payment.tenant_id,
        )


async def _asked_about(line_id: UUID, payment_id: UUID) -> tuple[BankLine, Payment]:
    line = await lines.bank_line(line_id)
    async with db.transaction(db.core_scope(), read_only=True):
        payment = await payments.by_id(payment_id)
    if payment is None:
        raise NotFound("There is no such payment.", field="paymentId")
    return line, payment


async def _hear(line: BankLine, payment: Payment, *, by: str) -> bool:
    """Report the line's money; False where the line was used meanwhile, or the payment has its
    money."""
    assert payment.provider_ref is not None
    report = ChannelReport(
        provider=BANK,
        # The line leads: the database takes it out of the event's id.
        event_id=f"{line.id}:{payment.id}",
        kind=by,
        state="SUCCEEDED",
        provider_ref=payment.provider_ref,
        payment_id=payment.id,
        amount_minor=line.amount_minor,
        currency=line.currency,
    )
    try:
        await settlement.hear(report)
    except asyncpg.UniqueViolationError as taken:
        if taken.constraint_name not in ("bank_lines_used_once", "payment_events_pkey"):
            raise
    now = await lines.bank_line(line.id)
    return now.state == "MATCHED" and now.payment_id == payment.id
