"""Stripe's disputes: what they say, where they are found, and how they are answered.

https://docs.stripe.com/api/disputes. Every event carries the whole dispute, so that one which
comes late or twice says nothing new.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from billing.payment_methods import stripe_api
from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from billing.payment_methods.disputes import DisputeReport, DisputeState
from billing.payment_methods.stripe_answers import ForgedEvent, amount, currency, reading, word
from kernel.log import get_logger

log = get_logger(__name__)
_DISPUTES: Final = "/v1/disputes"
_PAGE: Final = 100
_MOST_PAGES: Final = 100

EVENTS: Final = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
_STATES: Final[dict[str, DisputeState]] = {
    "warning_needs_response": "INQUIRY",
    "warning_under_review": "INQUIRY",
    "warning_closed": "CLOSED",
    "prevented": "CLOSED",
    "needs_response": "NEEDS_RESPONSE",
    "under_review": "UNDER_REVIEW",
    "won": "WON",
    "lost": "LOST",
}


class StripeDisputes:
    """Disputes at Stripe."""

    async def look(self, provider_ref: str) -> DisputeReport:
        """The dispute as it stands; the event id is made of what it says."""
        path = f"{_DISPUTES}/{quote(provider_ref, safe='')}"
        return _looked_at(await stripe_api.ask_in_our_mode("get", path))

    async def since(self, moment: datetime) -> AsyncIterator[DisputeReport]:
        """All disputes that were opened since, the newest first."""
        after: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            page = await stripe_api.ask(
                "get",
                _DISPUTES,
                limit=_PAGE,
                created={"gte": int(moment.timestamp())},
                **after,
            )
            with reading():
                found = list(page["data"])
                more = bool(page["has_more"])
            for dispute in found:
                stripe_api.require_mode(dispute["livemode"])
                yield _looked_at(dispute)
            if not more or not found:
                return
            after = {"starting_after": found[-1]["id"]}
        log.error("disputes_not_all_seen", since=moment.isoformat())

    async def answer(
        self, *, provider_ref: str, words: Mapping[str, str], idempotency_key: str
    ) -> None:
        """Hand evidence in. Raises `ChannelRefused` once there was some, or it is too late."""
        await stripe_api.ask(
            "post",
            f"{_DISPUTES}/{quote(provider_ref, safe='')}",
            idempotency_key=idempotency_key,
            evidence=dict(words),
            submit=True,
        )


def report_of(dispute: Any, *, event_id: str, kind: str) -> DisputeReport | None:
    """What is said of a dispute; None of one whose payment has no intent, which is none of ours.

    Raises `ForgedEvent` where no dispute could say so.
    """
    if dispute["object"] != "dispute":
        raise ForgedEvent("not about a dispute")
    if dispute["payment_intent"] is None:
        return None
    ours = currency(dispute["currency"])
    entries = [entry for entry in dispute["balance_transactions"] if _is_in(entry, ours)]
    taken = [entry for entry in entries if entry["amount"] < 0]
    returned = [entry for entry in entries if entry["amount"] > 0]
    fee_minor = sum(max(entry["fee"], 0) for entry in entries)
    due_by = dispute["evidence_details"]["due_by"]
    return DisputeReport(
        provider=stripe_api.PROVIDER,
        event_id=word(event_id),
        kind=word(kind),
        provider_ref=word(dispute["id"]),
        payment_ref=word(dispute["payment_intent"]),
        # A state that we do not know leaves the dispute where it was.
        state=_STATES.get(word(dispute["status"]), "NEEDS_RESPONSE"),
        amount_minor=amount(dispute["amount"], at_least=1),
        currency=ours,
        reason=word(dispute["reason"])[:60],
        is_withdrawn=bool(taken),
        is_reinstated=bool(returned),
        fee_minor=amount(fee_minor, at_least=0),
        fee_back_minor=min(fee_minor, sum(max(-entry["fee"], 0) for entry in returned)),
        opened_at=_moment(dispute["created"]),
        due_at=None if due_by is None else _moment(due_by),
    )


def _looked_at(dispute: dict[str, Any]) -> DisputeReport:
    try:
        with reading():
            moved = len(dispute["balance_transactions"])
            event_id = f"look:{dispute['id']}:{dispute['status']}:{moved}"
            report = report_of(dispute, event_id=event_id, kind="look")
    except ForgedEvent as strange:
        raise ChannelRefused(str(strange)) from strange
    if report is None:
        raise ChannelUnavailable("a dispute of no intent")
    return report


def _is_in(entry: Any, ours: str) -> bool:
    """Money of another currency is not booked here: a person sees why the case does not move."""
    if currency(entry["currency"]) == ours:
        return True
    log.error("dispute_in_another_currency", entry=word(entry["id"]))
    return False


def _moment(seconds: Any) -> datetime:
    if type(seconds) is not int or not 0 <= seconds < 1 << 40:
        raise ForgedEvent("not a moment")
    return datetime.fromtimestamp(seconds, UTC)
