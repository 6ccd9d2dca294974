"""One API operation: a method and a path, the parameters that it takes, the use case behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.listing import PAGING, list_objects
from sandbox.stripe.parameters import Kind
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]
Perform = Callable[[Work, Params, str], Json]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method and path. `perform` receives the id of the path, or an empty string."""

    method: str
    path: str
    perform: Perform
    fields: Mapping[str, Kind] = field(default_factory=dict)
    required: tuple[str, ...] = ()


def retrieved(path: str, kind: str, fields: Mapping[str, Kind] | None = None) -> Operation:
    """Give the operation that reads one object of a kind."""
    return Operation(
        method="GET",
        path=f"{path}/{{id}}",
        fields=fields or {},
        perform=lambda work, params, object_id: work.store.get(
            kind=kind, object_id=object_id, param="intent" if kind == "payment_intent" else "id"
        ),
    )


def listed(path: str, kind: str, filters: Mapping[str, Kind]) -> Operation:
    """Give the operation that pages through a kind, by equality of its filters."""
    names = tuple(name for name in filters if name != "types")
    equal = tuple(name for name in names if not (kind == "event" and name == "type"))
    return Operation(
        method="GET",
        path=path,
        fields={**PAGING, **filters},
        perform=lambda work, params, object_id: list_objects(
            work, params, kind=kind, url=path, filters=equal
        ),
    )
