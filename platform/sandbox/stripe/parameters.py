"""What an operation accepts: the kind of every parameter, and the refusals when it differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.stripe.errors import BadParameter

_MAX_TEXT_LETTERS = 5_000


class Kind(Protocol):
    """How one parameter is read from its raw form value."""

    def read(self, *, name: str, raw: Any) -> Any:
        """Give the typed value, or raise BadParameter."""


@dataclass(frozen=True)
class Text:
    """A string; with `choices`, one of them."""

    choices: tuple[str, ...] = ()
    maximum_letters: int = _MAX_TEXT_LETTERS

    def read(self, *, name: str, raw: Any) -> str:
        if not isinstance(raw, str) or len(raw) > self.maximum_letters:
            raise BadParameter(f"Invalid string: {name}", param=name)
        if self.choices and raw not in self.choices:
            allowed = ", ".join(self.choices)
            raise BadParameter(f"Invalid {name}: must be one of {allowed}", param=name)
        return raw


@dataclass(frozen=True)
class Integer:
    """A whole number within bounds."""

    minimum: int | None = None
    maximum: int | None = None

    def read(self, *, name: str, raw: Any) -> int:
        if not isinstance(raw, str) or not _is_integer(raw):
            raise BadParameter(
                f"Invalid integer: {raw}", code="parameter_invalid_integer", param=name
            )
        value = int(raw)
        self._check_bounds(name=name, value=value)
        return value

    def _check_bounds(self, *, name: str, value: int) -> None:
        code = "parameter_invalid_integer"
        if self.minimum is not None and value < self.minimum:
            message = f"This value must be greater than or equal to {self.minimum}."
            raise BadParameter(message, code=code, param=name)
        if self.maximum is not None and value > self.maximum:
            message = f"This value must be less than or equal to {self.maximum}."
            raise BadParameter(message, code=code, param=name)


@dataclass(frozen=True)
class Boolean:
    """`true` or `false`."""

    def read(self, *, name: str, raw: Any) -> bool:
        if raw not in ("true", "false"):
            raise BadParameter(f"Invalid boolean: {raw}", param=name)
        return bool(raw == "true")


@dataclass(frozen=True)
class TextList:
    """A list of strings."""

    maximum_items: int = 100

    def read(self, *, name: str, raw: Any) -> list[str]:
        if not isinstance(raw, list) or len(raw) > self.maximum_items:
            raise BadParameter("Invalid array", param=name)
        return [Text().read(name=f"{name}[{index}]", raw=item) for index, item in enumerate(raw)]


@dataclass(frozen=True)
class Metadata:
    """Up to 50 keys of 40 letters with values of 500; None is the wish to clear them all."""

    def read(self, *, name: str, raw: Any) -> dict[str, str] | None:
        if raw == "":
            return None
        # A mapping whose keys are all digits looks like a list on the wire.
        items = dict(enumerate(raw)) if isinstance(raw, list) else raw
        if not isinstance(items, dict):
            raise BadParameter("Invalid object", param=name)
        if len(items) > 50:
            raise BadParameter("Metadata can only have 50 keys.", param=name)
        return {str(key): self._value(name=name, key=str(key), raw=items[key]) for key in items}

    def _value(self, *, name: str, key: str, raw: Any) -> str:
        if len(key) > 40:
            raise BadParameter("Metadata keys can be up to 40 characters long.", param=name)
        if not isinstance(raw, str) or len(raw) > 500:
            raise BadParameter(
                "Metadata values can be up to 500 characters long.", param=f"{name}[{key}]"
            )
        return raw


@dataclass(frozen=True)
class Opaque:
    """A mapping that the sandbox keeps or ignores whole, without looking inside."""

    def read(self, *, name: str, raw: Any) -> dict[str, Any]:
        if raw == "":
            return {}
        if not isinstance(raw, dict):
            raise BadParameter("Invalid object", param=name)
        return raw


@dataclass(frozen=True)
class Hash:
    """A mapping of known fields."""

    fields: Mapping[str, Kind]
    required: Sequence[str] = field(default=())

    def read(self, *, name: str, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise BadParameter("Invalid object", param=name)
        return read_fields(fields=self.fields, required=self.required, raw=raw, within=name)


@dataclass(frozen=True)
class HashList:
    """A list of mappings of known fields."""

    fields: Mapping[str, Kind]
    required: Sequence[str] = field(default=())
    maximum_items: int = 100

    def read(self, *, name: str, raw: Any) -> list[dict[str, Any]]:
        if not isinstance(raw, list) or not 0 < len(raw) <= self.maximum_items:
            raise BadParameter("Invalid array", param=name)
        of = Hash(self.fields, self.required)
        return [of.read(name=f"{name}[{index}]", raw=item) for index, item in enumerate(raw)]


@dataclass(frozen=True)
class Range:
    """A timestamp, or bounds of it: `created=1`, `created[gte]=1`; seconds since the epoch."""

    def read(self, *, name: str, raw: Any) -> dict[str, int]:
        if isinstance(raw, str):
            moment = Integer().read(name=name, raw=raw)
            return {"gte": moment, "lte": moment}
        bounds = Hash({bound: Integer() for bound in ("gt", "gte", "lt", "lte")})
        return bounds.read(name=name, raw=raw)


def read_fields(
    *, fields: Mapping[str, Kind], required: Sequence[str], raw: Mapping[str, Any], within: str = ""
) -> dict[str, Any]:
    """Type every given parameter.

    Raises BadParameter with `parameter_unknown`, `parameter_missing`, or the kind's own refusal.
    """
    for key in raw:
        if key not in fields:
            name = _name(key, within=within)
            message = f"Received unknown parameter: {name}"
            raise BadParameter(message, code="parameter_unknown", param=name)
    for key in required:
        if raw.get(key) in (None, ""):
            name = _name(key, within=within)
            message = f"Missing required param: {name}."
            raise BadParameter(message, code="parameter_missing", param=name)
    return {
        key: fields[key].read(name=_name(key, within=within), raw=value)
        for key, value in raw.items()
    }


def _name(key: str, *, within: str) -> str:
    return f"{within}[{key}]" if within else key


def _is_integer(raw: str) -> bool:
    digits = raw.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) <= 15
