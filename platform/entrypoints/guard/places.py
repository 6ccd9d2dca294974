"""Places: how many requests may run at once, in all and for one host."""

from types import TracebackType

from entrypoints.guard.answers import overloaded


class Places:
    """A bound on what runs at the same time. Nobody waits: a queue only makes late answers."""

    def __init__(
        self, total: int, *, per_host: int | None = None, retry_after_seconds: int = 1
    ) -> None:
        self._total = total
        self._per_host = per_host
        self._retry_after_seconds = retry_after_seconds
        self._hosts: dict[str, int] = {}
        self.taken = 0

    def require_one(self, host: str) -> int:
        """Raise `RequestRefused` (503) when no place is left, and say how many
        the host has taken."""
        of_host = self._hosts.get(host, 0)
        if self.taken >= self._total or (self._per_host is not None and of_host >= self._per_host):
            raise overloaded(retry_after_seconds=self._retry_after_seconds)
        return of_host

    def take(self, host: str) -> "Place":
        """Take a place, or raise `RequestRefused` (503) when none is left."""
        of_host = self.require_one(host)
        self.taken += 1
        self._hosts[host] = of_host + 1
        return Place(self, host)

    def give_back(self, host: str) -> None:
        """Free a place that was taken for `host`."""
        self.taken -= 1
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]


class Place:
    """A place that is held until the end of its `with` block, or until it is given back."""

    def __init__(self, places: Places, host: str) -> None:
        self._places = places
        self._host = host
        self._held = True

    def give_back(self) -> None:
        """Free the place; a second time it does nothing."""
        if self._held:
            self._held = False
            self._places.give_back(self._host)

    def __enter__(self) -> "Place":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give_back()
