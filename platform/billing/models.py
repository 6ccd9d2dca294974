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
    DEPOSIT_TOP_UP = "DEPOSIT_TOP_UP"
    INSTALMENT = "INSTALMENT"  # a part of an order's plan


class PaymentMethod(StrEnum):
    """How a buyer pays."""

    WALLET = "WALLET"
    TRADE = "TRADE"  # the shop's own balance pays what it buys at cost
    CARD = "CARD"
    ALIPAY = "ALIPAY"
    WECHAT_PAY = "WECHAT_PAY"
    BANK_TRANSFER = "BANK_TRANSFER"
    UNIONPAY = "UNIONPAY"
    KLARNA = "KLARNA"
    AFFIRM = "AFFIRM"
    AFTERPAY = "AFTERPAY"
    STABLECOIN = "STABLECOIN"
    INSTALMENT = "INSTALMENT"  # the platform's own plan pays an order


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


class PaymentMode(StrEnum):
    """Where a payment by channel is made."""

    ELEMENTS = "ELEMENTS"
    HOSTED = "HOSTED"


class RefundReason(StrEnum):
    """Why money goes back."""

    UNREVEALED_RETURN = "UNREVEALED_RETURN"
    SUPPLIER_FAULT = "SUPPLIER_FAULT"
    SHOP_FAULT = "SHOP_FAULT"
    GOODWILL = "GOODWILL"
    INSPECTION = "INSPECTION"
    FAST_REFUND = "FAST_REFUND"
    CHANGE_OF_MIND = "CHANGE_OF_MIND"
    LATE_PAYMENT = "LATE_PAYMENT"
    DOUBLE_PAYMENT = "DOUBLE_PAYMENT"
    WRONG_PAYMENT = "WRONG_PAYMENT"
    CHARGEBACK = "CHARGEBACK"  # a lost dispute: the buyer's bank has paid


class RefundGivenAs(StrEnum):
    """How an operator has given what a channel refused."""

    WALLET = "WALLET"
    BANK = "BANK"


class RefundDestination(StrEnum):
    """Where the channel's part of a refund goes."""

    CHANNEL = "CHANNEL"
    WALLET = "WALLET"


class RefundStatus(StrEnum):
    """How far a refund has come."""

    DUE = "DUE"
    SENT = "SENT"
    DONE = "DONE"
    FAILED = "FAILED"
    STOPPED = "STOPPED"  # while the buyer's bank decides about the payment


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
    disputed_minor = fields.BigIntField(null=True)
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


class PaymentChoice(Model):
    """What a buyer has chosen for one payment beside its method; most have chosen nothing."""

    payment_id = fields.UUIDField(primary_key=True, default=None)
    tenant_id = fields.UUIDField()
    mode = fields.CharEnumField(PaymentMode)
    customer_id = fields.UUIDField(null=True)
    saves_card = fields.BooleanField(default=False)
    saved_card_id = fields.UUIDField(null=True)
    next_look_at = fields.DatetimeField(null=True)
    looks = fields.SmallIntField(default=0)

    class Meta:
        table = "payment_choices"


class SavedCard(Model):
    """A card that a customer keeps; the channel has its number."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    tenant_id = fields.UUIDField()
    customer_id = fields.UUIDField()
    provider = fields.TextField()
    provider_ref = fields.TextField()
    fingerprint = fields.BinaryField()
    brand = fields.TextField()
    last4 = fields.TextField()
    expires_month = fields.SmallIntField()
    expires_year = fields.SmallIntField()
    saved_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    removed_at = fields.DatetimeField(null=True)
    next_detach_at = fields.DatetimeField(null=True)
    detaches = fields.SmallIntField(default=0)

    class Meta:
        table = "saved_cards"


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
    covered_minor = fields.BigIntField(default=0)
    borne_minor = fields.BigIntField(default=0)
    reason = fields.CharEnumField(RefundReason)
    destination = fields.CharEnumField(RefundDestination, default=RefundDestination.CHANNEL)
    batch_id = fields.UUIDField(null=True)
    status = fields.CharEnumField(RefundStatus)
    provider_ref = fields.TextField(null=True)
    attempts = fields.IntField(default=0)
    asks = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    done_at = fields.DatetimeField(null=True)
    given_as = fields.CharEnumField(RefundGivenAs, null=True)
    given_by = fields.TextField(null=True)

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
