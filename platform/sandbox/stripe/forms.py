"""Stripe's form encoding: `a[b][0]=x` and `a[]=x` become nested mappings and lists."""

from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import BadParameter

Pairs = list[tuple[str, str]]

MAX_PAIRS = 1_000
MAX_DEPTH = 8


def read_pairs(encoded: bytes) -> Pairs:
    """Split a query or a body into its pairs, in order.

    Raises BadParameter when it is not UTF-8 or holds more than MAX_PAIRS pairs.
    """
    try:
        return parse_qsl(
            encoded.decode(), keep_blank_values=True, max_num_fields=MAX_PAIRS, errors="strict"
        )
    except ValueError as error:
        raise BadParameter("Invalid request: the parameters could not be read.") from error


def nest(pairs: Pairs) -> dict[str, Any]:
    """Build the nested parameters out of flat pairs.

    Raises BadParameter when a name is malformed, too deep, or used as two different kinds.
    """
    root: dict[str, Any] = {}
    for name, value in pairs:
        _put(root=root, name=name, value=value)
    return {key: _lists_from_indexes(value) for key, value in root.items()}


def _put(*, root: dict[str, Any], name: str, value: str) -> None:
    steps = _steps(name)
    node = root
    for step in steps[:-1]:
        node = node.setdefault(step, {})
        if not isinstance(node, dict):
            raise BadParameter(f"Invalid parameter: {name}", param=name)
    last = steps[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise BadParameter(f"Invalid parameter: {name}", param=name)
    node[last] = value


def _steps(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not bracket:
        return [name]
    if not head or not rest.endswith("]"):
        raise BadParameter(f"Invalid parameter: {name}", param=name)
    steps = [head, *rest[:-1].split("][")]
    if len(steps) > MAX_DEPTH or any("[" in step or "]" in step for step in steps):
        raise BadParameter(f"Invalid parameter: {name}", param=name)
    return steps


def _lists_from_indexes(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _lists_from_indexes(item) for key, item in value.items()}
    if inner and all(key.isdecimal() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
