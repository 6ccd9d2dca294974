"""Money that goes back by bank, and the operator's word that it has gone."""

from uuid import UUID

from billing import accounts, ledger
from billing.accounts import BANK
from billing.bank import lines, refunds
from billing.bank.refunds import BankRefund
from billing.ledger import Account
from billing.postings import bank as postings
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import failed_refunds, news, refund_sending
from orders.failed_refunds import Way
from orders.refund_sending import DueRefund


async def return_line(*, line_id: UUID, actor: str) -> None:
    """Owe a waiting line's money to its sender (E13); the same word again changes nothing.

    Raises `NotFound`, `LineUsed`.
    """
    line = await lines.bank_line(line_id)
    if line.state == "RETURNED":
        return
    owed_back = postings.owed_back(currency=line.currency, amount_minor=line.amount_minor)
    async with db.transaction(db.core_scope()):
        await ledger.open_accounts(owed_back)  # a settlement takes the line after it has posted
        await lines.use(line.id, as_state="RETURNED", payment_id=None, by=actor)
        await refunds.owe(
            refund_id=None,
            own_id=new_id(),
            line_id=line.id,
            amount_minor=line.amount_minor,
            currency=line.currency,
        )
        await ledger.post(
            owed_back,
            kind="BANK_RETURN",
            idempotency_key=f"bank-return:{line.id}",
            tenant_id=None,
        )


async def settle_refund(*, bank_refund_id: UUID, to_wallet: bool, actor: str) -> None:
    """Note that a transfer back was sent, or give its money to the buyer's wallet instead; of a
    refund that its channel has refused, too.

    The same word again changes nothing. Raises `NotFound`, and `Invalid` where the other was
    decided before, or where no customer has a wallet; `OrderDisputed`.
    """
    owed = await _owed(bank_refund_id)
    if owed is None:
        way: Way = "WALLET" if to_wallet else "BANK"
        await failed_refunds.give(refund_id=bank_refund_id, way=way, actor=actor)
        return
    wanted = "WALLET" if to_wallet else "SENT"
    if owed.state == wanted:
        return
    refund, customer_id = await _refund_of(owed)
    paid_from = _paid_from(owed, customer_id, to_wallet=to_wallet)
    async with db.transaction(db.core_scope(refund.tenant_id if refund else None)):
        if not await refunds.settle(owed.id, as_state=wanted, by=actor):
            raise Invalid("This refund has been decided.", field="refundId")
        if refund is not None:
            await refund_sending.end(refund, refund_ref=f"bank:{refund.id}", paid_from=paid_from)
        else:
            await ledger.post(
                postings.paid_back(paid_from=paid_from, amount_minor=owed.amount_minor),
                kind="REFUND_SENT",
                idempotency_key=f"refund-sent:{owed.id}",
                tenant_id=None,
            )
        crash_point("bank.settled")
    if refund is not None and refund.order_id is not None:
        await news.order_changed(refund.tenant_id, refund.order_id)


def _paid_from(owed: BankRefund, customer_id: UUID | None, *, to_wallet: bool) -> Account:
    if not to_wallet:
        return accounts.bank(owed.currency)
    if customer_id is None:
        raise Invalid("No customer's wallet can take this: send it.", field="toWallet")
    return accounts.wallet(customer_id, owed.currency)


async def _owed(bank_refund_id: UUID) -> BankRefund | None:
    rows = await db.read(
        db.core_scope(),
        """select id, line_id, refund_id, amount_minor::bigint, currency::text, state
           from bank_refunds where id = $1""",
        bank_refund_id,
    )
    return BankRefund(**rows[0]) if rows else None


async def _refund_of(owed: BankRefund) -> tuple[DueRefund | None, UUID | None]:
    """The refund that the transfer is for, and whose wallet could take it instead."""
    rows = await db.read(
        db.core_scope(),
        """select refund.id, refund.tenant_id, refund.order_id, refund.currency::text,
                  refund.channel_minor::bigint, refund.status, refund.provider_ref as refund_ref,
                  payment.method, payment.provider, payment.provider_ref as payment_ref,
                  refund.attempts, refund.asks, payment.customer_id
           from refunds refund join payments payment on payment.id = refund.payment_id
           where refund.id = $1""",
        owed.refund_id,
    )
    if not rows:
        return None, None
    values = dict(rows[0])
    customer_id: UUID | None = values.pop("customer_id")
    return DueRefund(**values), customer_id if values["provider"] == BANK else None
