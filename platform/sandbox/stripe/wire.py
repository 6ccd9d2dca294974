"""What goes over the wire: plain JSON mappings, without what the provider keeps to itself."""

from typing import Any

Json = dict[str, Any]


def public(body: Json) -> Json:
    """Drop the provider's private names: those that start with `_`."""
    return {name: value for name, value in body.items() if not name.startswith("_")}
