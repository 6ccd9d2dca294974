"""Stripe's balance transactions, read as a statement of account.

They are grouped as Stripe advises accountants to, by `reporting_category`, and each is asked for
with its source, because that names the payment or the refund that it is of.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from billing.payment_methods import stripe_answers, stripe_api
from billing.payment_methods.base import ChannelUnavailable
from billing.payment_methods.statement import Category, StatementEntry, StatementPage
from kernel.money import MAX_AMOUNT_MINOR
from kernel.settings import settings

ENTRIES_A_PAGE: Final = 100
_CATEGORIES: Final[Mapping[str, Category]] = {
    "charge": "PAYMENT",
    "charge_failure": "PAYMENT",
    "partial_capture_reversal": "PAYMENT",
    "refund": "REFUND",
    "refund_failure": "REFUND",
    "dispute": "DISPUTE",
    "dispute_reversal": "DISPUTE",
    "transfer": "TRANSFER",
    "transfer_reversal": "TRANSFER",
    "payout": "PAYOUT",
    "payout_reversal": "PAYOUT",
    "fee": "FEE",
}
_OWN_IDS: Final = ("payment_id", "refund_id", "payout_id")


class StripeStatement:
    """The statement of the platform's account at Stripe."""

    book: Final = "STRIPE"
    slack: Final = timedelta(0)

    def is_open(self) -> bool:
        """Whether there is a key to ask with."""
        return bool(settings().stripe_api_key.get_secret_value())

    async def page(self, *, since: datetime, until: datetime, after: str) -> StatementPage:
        """A page of the statement, the newest first, as Stripe lists everything."""
        behind = {"starting_after": after} if after else {}
        answer = await stripe_api.ask(
            "get",
            "/v1/balance_transactions",
            created={"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            limit=ENTRIES_A_PAGE,
            expand=["data.source"],
            **behind,
        )
        with stripe_answers.reading():
            entries = tuple(_entry(said) for said in answer["data"])
            has_more = bool(answer["has_more"] and entries)
        return StatementPage(entries, entries[-1].id if has_more else None)


def _entry(said: Mapping[str, Any]) -> StatementEntry:
    category = _CATEGORIES.get(said["reporting_category"], "OTHER")
    reference, own_id = _named_by(said)
    amount_minor, fee_minor = _amount(said["amount"]), _amount(said["fee"])
    if category == "FEE":  # all that moved was kept
        amount_minor, fee_minor = 0, fee_minor - amount_minor
    return StatementEntry(
        id=_word(said["id"]),
        category=category,
        reference=reference,
        own_id=own_id,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        currency=_word(said["currency"]).upper(),
        moved_at=datetime.fromtimestamp(said["created"], UTC),
    )


def _named_by(said: Mapping[str, Any]) -> tuple[str, UUID | None]:
    """What has moved the money: a charge is called by its intent, the reversal of a transfer by
    that transfer; what nothing has moved (a fee of the account) by the entry itself."""
    source = said["source"]
    if not isinstance(source, Mapping):
        return _word(source or said["id"]), None
    kind = source.get("object")
    if kind == "charge":
        reference = source["payment_intent"] or source["id"]
    elif kind == "transfer_reversal":
        reference = source["transfer"]
    else:
        reference = source.get("id") or said["id"]
    return _word(reference), _own_id(source.get("metadata") or {})


def _own_id(metadata: Mapping[str, Any]) -> UUID | None:
    for name in _OWN_IDS:
        try:
            return UUID(metadata[name])
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return None


def _word(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= 255:
        raise ChannelUnavailable("a strange answer")
    return text


def _amount(said: Any) -> int:
    if type(said) is not int or abs(said) > MAX_AMOUNT_MINOR * 100:
        raise ChannelUnavailable("a strange answer")
    return said
