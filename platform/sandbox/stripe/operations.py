"""Every API operation: its address, the parameters it takes, and the use case behind it."""

from sandbox.stripe import balance, disputes, evidence, intents, refunds
from sandbox.stripe.accepted_types import NARROWING
from sandbox.stripe.customer_operations import CUSTOMERS
from sandbox.stripe.operation import Operation, listed, retrieved
from sandbox.stripe.parameters import (
    Boolean,
    Hash,
    Integer,
    Kind,
    Metadata,
    Opaque,
    Text,
    TextList,
)
from sandbox.stripe.payment_methods import SUPPORTED_TYPES
from sandbox.stripe.session_operations import SESSIONS

_AMOUNT = Integer(minimum=1, maximum=10**12)
_CAPTURE_METHOD = Text(("automatic", "automatic_async", "manual"))

_WORDS: dict[str, Kind] = {
    "customer": Text(),
    "description": Text(),
    "metadata": Metadata(),
    "receipt_email": Text(),
    "setup_future_usage": Text(("off_session", "on_session")),
    "shipping": Opaque(),
    "statement_descriptor": Text(),
    "statement_descriptor_suffix": Text(),
    "transfer_group": Text(),
}
_METHOD: dict[str, Kind] = {
    "payment_method": Text(),
    "payment_method_data": Hash(
        {
            "type": Text(SUPPORTED_TYPES),
            "card": Hash({"token": Text()}),
            "alipay": Opaque(),
            "wechat_pay": Opaque(),
            "klarna": Opaque(),
            "affirm": Opaque(),
            "afterpay_clearpay": Opaque(),
            "crypto": Opaque(),
            "billing_details": Opaque(),
            "metadata": Metadata(),
        },
        required=("type",),
    ),
    "payment_method_options": Hash(
        {
            "card": Hash(
                {
                    "request_three_d_secure": Text(("automatic", "any", "challenge")),
                    "setup_future_usage": Text(),
                }
            ),
            "alipay": Hash({"setup_future_usage": Text()}),
            "wechat_pay": Hash(
                {
                    "client": Text(("web", "ios", "android", "mobile_web")),
                    "app_id": Text(),
                    "setup_future_usage": Text(("none",)),
                }
            ),
        }
    ),
}
_TYPES: dict[str, Kind] = {name: TextList() for name in NARROWING}
_CONFIRM: dict[str, Kind] = {
    "off_session": Boolean(),
    "return_url": Text(),
    "use_stripe_sdk": Boolean(),
}
_CREATE: dict[str, Kind] = {
    **_WORDS,
    **_METHOD,
    **_TYPES,
    **_CONFIRM,
    "amount": Integer(minimum=0, maximum=10**12),
    "automatic_payment_methods": Hash(
        {"enabled": Boolean(), "allow_redirects": Text(("always", "never"))},
        required=("enabled",),
    ),
    "capture_method": _CAPTURE_METHOD,
    "confirm": Boolean(),
    "confirmation_method": Text(("automatic",)),
    "currency": Text(),
}
_CANCEL_REASONS = Text(("abandoned", "duplicate", "fraudulent", "requested_by_customer"))


_PAYMENT_INTENTS = (
    Operation(
        method="POST",
        path="/v1/payment_intents",
        fields=_CREATE,
        required=("amount", "currency"),
        perform=lambda work, params, _: intents.create(work, params),
    ),
    listed("/v1/payment_intents", "payment_intent", {}),
    retrieved("/v1/payment_intents", "payment_intent", {"client_secret": Text()}),
    Operation(
        method="POST",
        path="/v1/payment_intents/{id}",
        fields={
            **_WORDS,
            **_METHOD,
            **_TYPES,
            "amount": _AMOUNT,
            "currency": Text(),
        },
        perform=lambda work, params, name: intents.update(work, params, intent_id=name),
    ),
    Operation(
        method="POST",
        path="/v1/payment_intents/{id}/confirm",
        fields={
            **_METHOD,
            **_TYPES,
            **_CONFIRM,
            "capture_method": _CAPTURE_METHOD,
            "receipt_email": Text(),
            "setup_future_usage": _WORDS["setup_future_usage"],
            "shipping": Opaque(),
        },
        perform=lambda work, params, name: intents.confirm(work, params, intent_id=name),
    ),
    Operation(
        method="POST",
        path="/v1/payment_intents/{id}/capture",
        fields={"amount_to_capture": _AMOUNT, "metadata": Metadata()},
        perform=lambda work, params, name: intents.capture(work, params, intent_id=name),
    ),
    Operation(
        method="POST",
        path="/v1/payment_intents/{id}/cancel",
        fields={"cancellation_reason": _CANCEL_REASONS},
        perform=lambda work, params, name: intents.cancel(work, params, intent_id=name),
    ),
)

_REFUNDS = (
    Operation(
        method="POST",
        path="/v1/refunds",
        fields={
            "amount": _AMOUNT,
            "charge": Text(),
            "metadata": Metadata(),
            "payment_intent": Text(),
            "reason": Text(("duplicate", "fraudulent", "requested_by_customer")),
        },
        perform=lambda work, params, _: refunds.create(work, params),
    ),
    listed("/v1/refunds", "refund", {"charge": Text(), "payment_intent": Text()}),
    retrieved("/v1/refunds", "refund"),
    Operation(
        method="POST",
        path="/v1/refunds/{id}",
        fields={"metadata": Metadata()},
        perform=lambda work, params, name: refunds.update(work, params, refund_id=name),
    ),
)

_DISPUTES = (
    listed("/v1/disputes", "dispute", {"charge": Text(), "payment_intent": Text()}),
    retrieved("/v1/disputes", "dispute"),
    Operation(
        method="POST",
        path="/v1/disputes/{id}",
        fields={"evidence": evidence.FIELDS, "metadata": Metadata(), "submit": Boolean()},
        perform=lambda work, params, name: disputes.update(work, params, dispute_id=name),
    ),
    Operation(
        method="POST",
        path="/v1/disputes/{id}/close",
        perform=lambda work, params, name: disputes.close(work, dispute_id=name),
    ),
)

_READS = (
    listed("/v1/charges", "charge", {"payment_intent": Text()}),
    retrieved("/v1/charges", "charge"),
    listed("/v1/events", "event", {"type": Text(), "types": TextList(maximum_items=20)}),
    retrieved("/v1/events", "event"),
    listed(
        "/v1/balance_transactions",
        "balance_transaction",
        {"type": Text(), "source": Text(), "currency": Text()},
    ),
    retrieved("/v1/balance_transactions", "balance_transaction"),
    retrieved("/v1/payment_methods", "payment_method"),
    listed("/v1/payouts", "payout", {}),
    retrieved("/v1/payouts", "payout"),
    Operation(
        method="GET",
        path="/v1/balance",
        perform=lambda work, params, _: balance.retrieve(work),
    ),
)

OPERATIONS = (*_PAYMENT_INTENTS, *_REFUNDS, *_DISPUTES, *SESSIONS, *CUSTOMERS, *_READS)
