"""What a dispute's evidence may say: the documented fields, and words that decide test disputes.

https://docs.stripe.com/api/disputes/evidence_object
"""

from typing import Final

from sandbox.stripe.parameters import Hash, Text

TEXTS: Final = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
FILES: Final = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
EMPTY: Final = dict.fromkeys(sorted(TEXTS + FILES)) | {"enhanced_evidence": {}}
FIELDS: Final = Hash(
    {
        **{name: Text(maximum_letters=20_000) for name in TEXTS},
        **{name: Text() for name in FILES},
    }
)
#: https://docs.stripe.com/testing#disputes
OUTCOMES: Final = {"winning_evidence": "won", "losing_evidence": "lost"}
