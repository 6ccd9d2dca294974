"""The operations on Checkout Sessions."""

from sandbox.stripe import sessions
from sandbox.stripe.operation import Operation, retrieved
from sandbox.stripe.parameters import Hash, HashList, Integer, Kind, Metadata, Text, TextList

_NOT_KEPT: Kind = Hash({"setup_future_usage": Text(("none",))})
_ITEM: dict[str, Kind] = {
    "price_data": Hash(
        {
            "currency": Text(),
            "product_data": Hash({"name": Text(), "description": Text()}, required=("name",)),
            "unit_amount": Integer(minimum=0, maximum=10**12),
        },
        required=("currency", "product_data", "unit_amount"),
    ),
    "quantity": Integer(minimum=1, maximum=10_000),
}
_CREATE: dict[str, Kind] = {
    "allowed_payment_method_types": TextList(),
    "excluded_payment_method_types": TextList(),
    "cancel_url": Text(),
    "client_reference_id": Text(),
    "customer": Text(),
    "expires_at": Integer(minimum=0),
    "line_items": HashList(_ITEM, required=("price_data",)),
    "locale": Text(("auto", "en", "zh", "zh-HK", "zh-TW")),
    "metadata": Metadata(),
    "mode": Text(("payment",)),
    "payment_intent_data": Hash(
        {
            "description": Text(),
            "metadata": Metadata(),
            "setup_future_usage": Text(("off_session", "on_session")),
        }
    ),
    "payment_method_options": Hash(
        {
            "card": Hash(
                {
                    "restrictions": Hash({"brands_blocked": TextList()}),
                    "request_three_d_secure": Text(("automatic", "any", "challenge")),
                }
            ),
            "wechat_pay": Hash({"client": Text(("web",))}, required=("client",)),
            "alipay": _NOT_KEPT,
            "klarna": _NOT_KEPT,
            "affirm": _NOT_KEPT,
            "afterpay_clearpay": _NOT_KEPT,
            "crypto": _NOT_KEPT,
        }
    ),
    "success_url": Text(),
}
SESSIONS = (
    Operation(
        method="POST",
        path="/v1/checkout/sessions",
        fields=_CREATE,
        required=("mode", "line_items", "success_url"),
        perform=lambda work, params, _: sessions.create(work, params),
    ),
    retrieved("/v1/checkout/sessions", sessions.KIND),
    Operation(
        method="POST",
        path="/v1/checkout/sessions/{id}/expire",
        perform=lambda work, params, name: sessions.expire(work, session_id=name),
    ),
)
