"""A request's headers, read once: the guard asks for a dozen of them."""

from starlette.types import Scope


class HeaderFields:
    """Headers by their name in lower case. Of a name that stands there twice, the first counts."""

    __slots__ = ("_first", "_raw")

    def __init__(self, scope: Scope) -> None:
        self._raw: list[tuple[bytes, bytes]] = scope["headers"]
        self._first = dict(reversed(self._raw))

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._first

    def get(self, name: str, default: str = "") -> str:
        """Give a header's text, as latin-1, or the default."""
        value = self._first.get(name.encode())
        return default if value is None else value.decode("latin-1")

    def getlist(self, name: str) -> list[str]:
        """Give the texts of every header of this name."""
        wanted = name.encode()
        return [value.decode("latin-1") for one, value in self._raw if one == wanted]
