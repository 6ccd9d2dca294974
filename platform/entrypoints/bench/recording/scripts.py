"""A recorded operation of the product, written down again as a script for pgbench.

What the operation made itself, its new ids, must be new in each run of the script: they become
expressions over a random number. What the database answered, the id of a held key, is taken
from the answer with `\\gset`. Everything else is a literal, written so that PostgreSQL infers its
type as it would a parameter's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

CLOCK = "ms"
"""The variable that the caller sets to the milliseconds since 1970. It grows with each run, so that
new ids are ordered by time, as the product's are, and fall into the same pages of an index."""
_PLACEHOLDER = re.compile(r"\$(\d+)")
_VARIABLE = re.compile(r"(?<!:):(?=\w)")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ORDER_NO = re.compile(r"(K\d{8}-)([0-9A-Z]{10})")
_OF_CHANNEL = re.compile(r"\b(pi|evt)_\w{8,}")
"""Ids that the payment channel made."""
_POSITION = re.compile(r"\breturning\b[^()]*\bposition\b")
LEAST_POSITION = 1 << 50
"""A number as large as this is the place of a key in its pool: amounts and counts are smaller. A
process remembers where it has sold last, so a script remembers it, too."""
DEFINE = "-- define "
_CONTROL = ("begin", "commit", "rollback")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One statement with its arguments, as it went to the database."""

    sql: str
    values: tuple[object, ...] = ()

    @property
    def is_control(self) -> bool:
        """True for what opens and ends a transaction."""
        return self.sql.lstrip().lower().startswith(_CONTROL)


@dataclass(frozen=True, slots=True)
class Answer:
    """The statement, counted from 0, whose column `column` gives a value, and its variable.

    `place` counts from 1 where the column is an array.
    """

    statement: int
    column: str
    place: int = 0

    @property
    def variable(self) -> str:
        """The variable's name in the script."""
        return f"got_{self.column}"

    @property
    def expression(self) -> str:
        """The value in a later statement. A variable is a parameter there, never a text."""
        if self.place:
            return f"(:{self.variable}::uuid[])[{self.place}]"
        return f":{self.variable}::uuid"


def script(
    statements: Sequence[Recorded],
    *,
    is_new: Callable[[UUID], bool],
    answers: Mapping[UUID, Answer],
    name: str = "",
) -> str:
    """Write the script of one operation.

    `is_new` tells the ids that the operation made; `answers` says where the others came from that
    nobody could know before. `name` tells its variables from those of other scripts.
    """
    hint = f"hint_{name}"
    writer = _Writer(is_new, answers, hint)
    asked = {answer.statement for answer in answers.values()}
    lines = _hint_lines(hint, statements)
    lines += [rf"\set {CLOCK} :{CLOCK} + 1", r"\set n random(1, 9000000000000000000)"]
    for number, statement in enumerate(statements):
        if statement.is_control:
            lines += _control(statement.sql)
            continue
        text = writer.statement(statement)
        found = _finds_a_place(statement)
        lines.append(text + (r" \gset got_" if number in asked or found else ";"))
        if found:
            lines.append(rf"\set {hint} :got_position")
    return "\n".join(lines) + "\n"


def _hint_lines(hint: str, statements: Sequence[Recorded]) -> list[str]:
    """What the caller must define: the place in a pool from which the operation searched."""
    found = [
        one
        for statement in statements
        for value in statement.values
        for one in (value if isinstance(value, list | tuple) else (value,))
        if _is_position(one)
    ]
    return [f"{DEFINE}{hint}={found[0]}"] if found else []


def defined_in(text: str) -> list[str]:
    """Read what a script wants to be defined, as `name=value`."""
    lines = text.splitlines()
    return [line.removeprefix(DEFINE) for line in lines if line.startswith(DEFINE)]


def _finds_a_place(statement: Recorded) -> bool:
    """True for a statement that takes keys from a place in their pool on, and says how far it came.
    One that only counts from there says nothing."""
    return bool(_hint_lines("", [statement])) and _POSITION.search(statement.sql) is not None


def _is_position(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= LEAST_POSITION


def _control(sql: str) -> list[str]:
    """BEGIN with its scope is one round trip in the product, so it is one in the script."""
    first, _, rest = sql.partition(";")
    if not rest:
        return [f"{first};"]
    return [r"\startpipeline", f"{first};", f"{_without_variables(rest)};", r"\endpipeline"]


def _without_variables(sql: str) -> str:
    """pgbench would take `:name` for a variable even inside a text."""
    if _VARIABLE.search(sql):
        raise ValueError(f"pgbench cannot read this statement: {sql}")
    return sql


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the statements of one operation, which share their new ids."""

    is_new: Callable[[UUID], bool]
    answers: Mapping[UUID, Answer]
    hint: str

    def statement(self, recorded: Recorded) -> str:
        """Put the arguments into the statement's text."""
        sql = _without_variables(recorded.sql.strip().rstrip(";"))
        return _PLACEHOLDER.sub(lambda found: self.value(recorded.values[int(found[1]) - 1]), sql)

    def value(self, value: object) -> str:
        """Write one argument."""
        if value is None:
            return "null"
        if isinstance(value, list | tuple):
            return self._array(value)
        if _is_position(value):
            return f":{self.hint}::bigint"
        text = _text(value)
        return self._made_of(text) or _literal(text)

    def _array(self, values: Sequence[object]) -> str:
        if values and all(map(_is_position, values)):
            return f"array[{', '.join(map(self.value, values))}]::bigint[]"
        if not any(value is not None and self._made_of(_text(value)) for value in values):
            return _literal("{" + ",".join(map(_element, values)) + "}")
        of_ids = all(isinstance(value, UUID) for value in values)
        kind = "uuid" if of_ids else "text"
        parts = ", ".join(self.value(value) for value in values)
        return f"array[{parts}]::{kind}[]"

    def _made_of(self, text: str) -> str:
        """The expression for a text that has a new or an answered id in it; empty without one."""
        pieces: list[str] = []
        end = 0
        for place, expression in self._changing(text):
            pieces += [_literal(text[end : place.start()])] if place.start() > end else []
            pieces.append(expression)
            end = place.end()
        if not pieces:
            return ""
        pieces += [_literal(text[end:])] if end < len(text) else []
        return pieces[0] if len(pieces) == 1 else "(" + " || ".join(pieces) + ")"

    def _changing(self, text: str) -> list[tuple[re.Match[str], str]]:
        found: list[tuple[re.Match[str], str]] = []
        for match in _UUID.finditer(text):
            whole = match.group() == text
            if expression := self._id(UUID(match.group())):
                found.append((match, expression if whole else f"{expression}::text"))
        for match in _OF_CHANNEL.finditer(text):
            found.append((match, f"('{match[1]}_' || md5(:n::text || '{match.group()}'))"))
        if number := _ORDER_NO.fullmatch(text):
            letters = f"upper(substr(md5(:n::text || '{number[2]}'), 1, 10))"
            found.append((number, f"('{number[1]}' || {letters})"))
        return found

    def _id(self, identifier: UUID) -> str:
        if identifier in self.answers:
            return self.answers[identifier].expression
        if self.is_new(identifier):
            noise = f"md5(:n::text || '{identifier.hex}')"
            return f"('0' || to_hex(:ms::bigint) || substr({noise}, 13))::uuid"
        return ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    return str(value)


def _literal(text: str) -> str:
    """Colons and backslashes are escaped: pgbench looks for variables in texts, too."""
    quoted = text.replace("'", "''")
    if ":" not in text and "\\" not in text:
        return f"'{quoted}'"
    return "E'" + quoted.replace("\\", "\\\\").replace(":", "\\x3A") + "'"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    escaped = _text(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
