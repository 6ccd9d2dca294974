"""The evidence in the channel's documented fields: pure.

https://docs.stripe.com/api/disputes/evidence_object. Together they have at most 150,000 letters.
"""

from datetime import datetime
from typing import Final

from orders.disputes.evidence import Evidence

MAX_FIELD_LETTERS: Final = 18_000
MAX_STATEMENT_LETTERS: Final = 5_000


def words_of(evidence: Evidence, *, statement: str) -> dict[str, str]:
    """Give what the bank is told; a field that would say nothing is left out.

    `statement` are an operator's own words, which come first.
    """
    said = {
        "product_description": "\n".join(
            f"{line.quantity} x {line.name}: digital goods, delivered online ({line.delivery_mode})"
            for line in evidence.lines
        ),
        "access_activity_log": "\n".join(
            f"{_time(seen.at)} key {seen.serial} opened by the {seen.channel.lower()} "
            f"from {seen.ip or 'an unknown address'}, {seen.user_agent or 'unknown program'}"
            for seen in evidence.reveals
        ),
        "service_date": _time(evidence.log[0].at) if evidence.log else "",
        "refund_policy_disclosure": "Keys that nobody has opened can be given back.",
        "uncategorized_text": "\n".join([*([statement] if statement else []), *_log(evidence)]),
    }
    return {name: text[:MAX_FIELD_LETTERS] for name, text in said.items() if text}


def _log(evidence: Evidence) -> list[str]:
    lines = [f"Order {evidence.order_no}"] if evidence.order_no else []
    lines += [f"{_time(fact.at)} {fact.what} {fact.details}".rstrip() for fact in evidence.log]
    for line in evidence.lines:
        # Shown to the buyer before he paid, so that he can check what he was given.
        lines += [f"SHA-256 promised before payment: {one}" for one in line.commitments]
    return lines


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
