"""Money: payments, refunds, and the double-entry ledger. Platform class: none of it is a shop's.

`payment_events` is keyed by provider and event together, which the ORM cannot express: it is
written and read in SQL. The ledger is written by its own SQL (`billing/ledger.py`); the columns
marked `generated` are the database's alone to set.
"""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.fields import Field
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model

from kernel.ids import new_id


class PaymentPurpose(StrEnum):
    """What a payment is for."""

    ORDER = "ORDER"
    TOP_UP = "TOP_UP"
    TRADE_TOP_UP = "TRADE_TOP_UP"  # of the shop's own balance


class PaymentMethod(StrEnum):
    """How a buyer pays."""

    WALLET = "WALLET"
    TRADE = "TRADE"  # the shop's own balance pays what it buys at cost
    CARD = "CARD"
    ALIPAY = "ALIPAY"
    WECHAT_PAY = "WECHAT_PAY"


class PaymentAttemptStatus(StrEnum):
    """How far one attempt to pay has come."""

    CREATED = "CREATED"
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    UNAPPLIED = "UNAPPLIED"  # the money came and paid for nothing; a refund gives it back


class RefundReason(StrEnum):
    """Why money goes back."""

    UNREVEALED_RETURN = "UNREVEALED_RETURN"
    SUPPLIER_FAULT = "SUPPLIER_FAULT"
    SHOP_FAULT = "SHOP_FAULT"
    GOODWILL = "GOODWILL"
    CHANGE_OF_MIND = "CHANGE_OF_MIND"
    LATE_PAYMENT = "LATE_PAYMENT"
    DOUBLE_PAYMENT = "DOUBLE_PAYMENT"
    WRONG_PAYMENT = "WRONG_PAYMENT"


class RefundStatus(StrEnum):
    """How far a refund has come."""

    DUE = "DUE"
    SENT = "SENT"
    DONE = "DONE"
    FAILED = "FAILED"


class TransactionIdField(Field[int], int):
    """An `xid8` column: the number of the database transaction that wrote the row."""

    SQL_TYPE = "XID8"

    def to_db_value(self, value: Any, instance: Any) -> int:
        """Return the number, which the driver writes as it is."""
        return int(value)


class Payment(Model):
    """One attempt to pay: a channel part, a wallet part, or both."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant_id = fields.UUIDField()
    purpose = fields.CharEnumField(PaymentPurpose)
    order_id = fields.UUIDField(null=True)
    customer_id = fields.UUIDField(null=True)
    method = fields.CharEnumField(PaymentMethod)
    currency = fields.TextField()
    channel_minor = fields.BigIntField()
    wallet_minor = fields.BigIntField(default=0)
    fee_bp = fields.IntField(default=0)
    refunded_channel_minor = fields.BigIntField(default=0)
    status = fields.CharEnumField(PaymentAttemptStatus, default=PaymentAttemptStatus.CREATED)
    provider = fields.TextField()
    provider_ref = fields.TextField(null=True)
    description = fields.TextField(default="")
    return_url = fields.TextField(default="")
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    ended_at = fields.DatetimeField(null=True)
    polls = fields.IntField(default=0)
    next_poll_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments"


class Refund(Model):
    """Money on its way back, and what it is paid back for."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant_id = fields.UUIDField()
    order_id = fields.UUIDField(null=True)
    line_id = fields.UUIDField(null=True)
    payment_id = fields.UUIDField()
    sequence = fields.IntField()
    currency = fields.TextField()
    amount_minor = fields.BigIntField()
    wallet_minor = fields.BigIntField()
    channel_minor = fields.BigIntField()
    points_minor = fields.BigIntField(default=0)
    reason = fields.CharEnumField(RefundReason)
    status = fields.CharEnumField(RefundStatus)
    provider_ref = fields.TextField(null=True)
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "refunds"


class LedgerAccount(Model):
    """An account: a code, its owner and a currency; the id is a hash of the three."""

    id = fields.UUIDField(primary_key=True, default=None)
    code = fields.TextField()
    owner_id = fields.UUIDField(null=True)
    currency = fields.TextField()

    class Meta:
        table = "ledger_accounts"


class LedgerTransaction(Model):
    """The header of postings that add up to zero. Append-only."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.TextField()
    idempotency_key = fields.TextField()
    tenant_id = fields.UUIDField(null=True)
    order_id = fields.UUIDField(null=True)
    reverses_id = fields.UUIDField(null=True)
    posted_at = fields.DatetimeField(generated=True)
    written_by = TransactionIdField(generated=True)

    class Meta:
        table = "ledger_transactions"


class LedgerFold(Model):
    """A balance as far as it has been folded; a cache of the entries."""

    account_id = fields.UUIDField(primary_key=True, default=None)
    balance_minor = fields.BigIntField()
    folded_below = TransactionIdField()

    class Meta:
        table = "ledger_folds"
