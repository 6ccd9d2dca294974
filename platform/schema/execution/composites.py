"""Objects, lists and unions: from a resolver's value to the answer's."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from schema.execution.leaves import Complete, Unfit, plain_classes, require_plain
from schema.execution.nested import NestedCalls, NestedField

MAX_SHARED: Final = 2_000
"""Answers of shared objects that one selection of fields keeps."""
MOST_SHARED: Final = 20_000
"""All that are kept in a process, half a kilobyte to a whole one each: documents are strangers'."""


class Shared:
    """Objects of a subclass are made once for equal contents, are shared by many answers and never
    change: what becomes of one is the same each time."""

    __slots__ = ()


class Completion(NamedTuple):
    """How values of one type are completed."""

    as_they_are: frozenset[type]
    """Values of these classes leave as they came: most of an answer is text and null."""
    complete: Complete
    settled: bool
    """The answer follows from the value alone: no resolver is called for it."""


class PlannedField(NamedTuple):
    """One field of an object in the answer."""

    response_name: str
    attribute: str | None
    """Of the object, in Python; None where a resolver is called."""
    nested: NestedField | None
    completion: Completion


def object_completer(
    fields: Sequence[PlannedField], *, only: type | None, shared: bool = False
) -> Complete:
    """Make the completer of an object type with these fields selected.

    `only` is the one class whose values are certainly of this type, where the type checks it.
    Answers of `shared` objects are kept; they must be settled.
    """
    if any(field.nested is not None for field in fields):
        complete = _with_resolvers(fields)
    else:
        complete = _of_attributes(fields)
    if only is not None:
        complete = _of_one_class(complete, only)
    return _once_each(complete) if shared else complete


class _Answers(dict[int, tuple[object, Any]]):
    """What one selection has made of each object, which is held, so that its id stays its own."""

    kept = 0
    """Of all selections whose plans are still there."""

    def keep(self, source: object, answer: Any) -> None:
        if len(self) >= MAX_SHARED:
            self._forget()
        if _Answers.kept < MOST_SHARED:
            self[id(source)] = (source, answer)
            _Answers.kept += 1

    def _forget(self) -> None:
        _Answers.kept -= len(self)
        self.clear()

    def __del__(self) -> None:
        _Answers.kept -= len(self)


def _once_each(complete: Complete) -> Complete:
    """A page has dozens of prices and stocks, and few that differ."""
    answers = _Answers()

    def complete_once(source: Any, calls: NestedCalls) -> Any:
        known = answers.get(id(source))
        if known is not None:
            return known[1]
        answer = complete(source, calls)
        answers.keep(source, answer)
        return answer

    return complete_once


def _of_attributes(fields: Sequence[PlannedField]) -> Complete:
    """Nearly every object: its attributes are read all at once."""
    names = [field.attribute for field in fields if field.attribute is not None]
    read = attrgetter(*names) if names else _nothing
    single = len(names) == 1
    plan = [
        (field.response_name, field.completion.as_they_are, field.completion.complete)
        for field in fields
    ]

    def complete(source: Any, calls: NestedCalls) -> dict[str, Any]:
        if type(source) not in plain_classes:
            require_plain(type(source))
        values = (read(source),) if single else read(source)
        answer = {}
        for (response_name, as_they_are, complete_value), value in zip(plan, values, strict=True):
            answer[response_name] = (
                value if type(value) in as_they_are else complete_value(value, calls)
            )
        return answer

    return complete


def _nothing(_: object) -> tuple[()]:
    return ()


def _with_resolvers(fields: Sequence[PlannedField]) -> Complete:
    plan = [
        (
            field.response_name,
            _reader(field),
            field.completion.as_they_are,
            field.completion.complete,
        )
        for field in fields
    ]

    def complete(source: Any, calls: NestedCalls) -> dict[str, Any]:
        if type(source) not in plain_classes:
            require_plain(type(source))
        answer = {}
        for response_name, read, as_they_are, complete_value in plan:
            value = read(source, calls)
            answer[response_name] = (
                value if type(value) in as_they_are else complete_value(value, calls)
            )
        return answer

    return complete


def _reader(field: PlannedField) -> Callable[[Any, NestedCalls], Any]:
    nested, attribute = field.nested, field.attribute
    if nested is not None:
        return lambda source, calls: calls.call(nested, source)
    assert attribute is not None
    return lambda source, _: getattr(source, attribute)


def _of_one_class(complete_object: Complete, only: type) -> Complete:
    def complete(source: Any, calls: NestedCalls) -> Any:
        require_no_cast(source)
        if type(source) is not only:
            raise Unfit
        return complete_object(source, calls)

    return complete


def list_completer(item: Completion) -> Complete:
    """Make the completer of a list; other iterables are not its business."""
    as_they_are, complete_item, _ = item

    def complete(values: Any, calls: NestedCalls) -> list[Any]:
        if type(values) is not list and type(values) is not tuple:
            raise Unfit
        return [
            value if type(value) in as_they_are else complete_item(value, calls) for value in values
        ]

    return complete


def union_completer(members: Mapping[type, Complete]) -> Complete:
    """Make the completer of a union or an interface, by the value's class."""

    def complete(value: Any, calls: NestedCalls) -> Any:
        complete_member = members.get(type(value))
        if complete_member is None:
            raise Unfit
        require_no_cast(value)
        return complete_member(value, calls)

    return complete


def require_no_cast(value: object) -> None:
    """Raise `Unfit` for a value that says of which type it wants to be."""
    if getattr(value, TYPE_CAST_ATTRIBUTE, None) is not None:
        raise Unfit
