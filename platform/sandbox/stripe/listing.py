"""Lists and single objects as Stripe renders them: pages, expansion, nothing private."""

from typing import Any

from sandbox.stripe import events
from sandbox.stripe.errors import BadParameter
from sandbox.stripe.parameters import Integer, Kind, Range, Text
from sandbox.stripe.store import Page
from sandbox.stripe.wire import Json, public
from sandbox.stripe.work import Work

Params = dict[str, Any]

PAGING: dict[str, Kind] = {
    "limit": Integer(minimum=1, maximum=100),
    "starting_after": Text(),
    "ending_before": Text(),
    "created": Range(),
}

# Which kind of object stands behind the id in each of these fields.
_EXPANDABLE = {
    ("payment_intent", "latest_charge"): "charge",
    ("payment_intent", "payment_method"): "payment_method",
    ("checkout.session", "payment_intent"): "payment_intent",
    ("charge", "balance_transaction"): "balance_transaction",
    ("charge", "payment_intent"): "payment_intent",
    ("refund", "balance_transaction"): "balance_transaction",
    ("transfer", "balance_transaction"): "balance_transaction",
    ("refund", "failure_balance_transaction"): "balance_transaction",
    ("refund", "charge"): "charge",
    ("refund", "payment_intent"): "payment_intent",
    ("dispute", "charge"): "charge",
    ("dispute", "payment_intent"): "payment_intent",
}
_MAX_EXPAND_LEVELS = 4


def list_objects(
    work: Work, params: Params, *, kind: str, url: str, filters: tuple[str, ...] = ()
) -> Json:
    """Give one page of the kind, newest first.

    Raises NoSuchObject when a cursor names nothing.
    """
    types = params.get("types") or ([params["type"]] if "type" in params else [])
    bodies, has_more = work.store.page(
        Page(
            kind=kind,
            limit=params.get("limit", 10),
            starting_after=params.get("starting_after"),
            ending_before=params.get("ending_before"),
            created=params.get("created", {}),
            matching={name: params[name] for name in filters if name in params},
            types=tuple(types),
        )
    )
    return {"object": "list", "url": url, "has_more": has_more, "data": bodies}


def rendered(work: Work, body: Json, *, expand: list[str]) -> Json:
    """Give the body as it goes over the wire, with the wished ids expanded.

    Raises BadParameter for a path that cannot be expanded.
    """
    if body["object"] == "list":
        items = [_current(work, item) for item in body["data"]]
        wishes = [_within_data(path) for path in expand]
        return {**body, "data": [_expanded(work, item, wishes) for item in items]}
    return _expanded(work, _current(work, body), expand)


def _expanded(work: Work, body: Json, paths: list[str]) -> Json:
    for path in paths:
        steps = path.split(".")
        if len(steps) > _MAX_EXPAND_LEVELS:
            raise BadParameter(f"You cannot expand more than {_MAX_EXPAND_LEVELS} levels.")
        _expand(work, body, steps)
    return body


def _expand(work: Work, body: Json, steps: list[str]) -> None:
    field, deeper = steps[0], steps[1:]
    if (body["object"], field) == ("balance_transaction", "source"):
        return _expand_source(work, body, deeper)
    kind = _EXPANDABLE.get((body["object"], field))
    if kind is None:
        raise BadParameter(f"This property cannot be expanded ({field}).", param="expand")
    if isinstance(body[field], str):
        body[field] = _current(work, work.store.get(kind=kind, object_id=body[field]))
    if deeper and body[field] is not None:
        _expand(work, body[field], deeper)


def _expand_source(work: Work, body: Json, deeper: list[str]) -> None:
    """What has moved the balance is of many kinds; some of it was moved by nothing."""
    if isinstance(body["source"], str):
        body["source"] = _current(work, work.store.find_any(body["source"]) or {})
    if deeper and body["source"]:
        _expand(work, body["source"], deeper)


def _within_data(path: str) -> str:
    if not path.startswith("data."):
        raise BadParameter(f"This property cannot be expanded ({path}).", param="expand")
    return path.removeprefix("data.")


def _current(work: Work, body: Json) -> Json:
    """The two things that time changes without a write: who waits, and what is available."""
    if body["object"] == "event":
        return events.current(work, body)
    if body["object"] == "balance_transaction" and body["available_on"] <= work.now:
        return {**body, "status": "available"}
    return public(body)
