"""One SQL statement put together from the parts of several rooms.

A room that writes something in a sale gives its part as the text of common table expressions; the
use case puts the parts together and sends one statement. Parameters have names, so that a part
does not know which others stand beside it.
"""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"(?<![:\w]):([a-z][a-z_]*)")


class Statement:
    """SQL for `kernel.db`, and the order in which it wants its values."""

    def __init__(self, text: str) -> None:
        names: list[str] = []

        def numbered(found: re.Match[str]) -> str:
            if found[1] not in names:
                names.append(found[1])
            return f"${names.index(found[1]) + 1}"

        self.sql = _NAME.sub(numbered, text)
        self.names = tuple(names)

    @classmethod
    def of(cls, *parts: str, then: str) -> "Statement":
        """Join parts, each a list of common table expressions, and `then` ask.

        The database runs what writes in whatever order it likes, and all of it sees the rows as
        they were before: what must come first has to be read by what comes after.
        """
        return cls("with " + ",\n".join(part.strip() for part in parts) + "\n" + then.strip())

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Put the values into the statement's order.

        Names that the statement does not use are left out; `KeyError` for one that is missing.
        """
        return [given[name] for name in self.names]
