"""What a person sees while everything starts: a moving line, or plain lines without a terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


class Progress:
    """Writes to the terminal, or to a pipe without any of a terminal's signs."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, soft_wrap=True)
        unicode = self._console.encoding.lower().startswith("utf")
        self._done, self._failed = ("✓", "✗") if unicode else ("ok", "!!")

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Show that `title` is under way, and then how long it took."""
        started = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(Text(f"{title} …")):
                yield
        else:
            self.say(f"{title} ...")
            yield
        elapsed_seconds = time.monotonic() - started
        self.say(f"{self._done} {title} ({elapsed_seconds:.1f} s)", style="green")

    def say(self, text: str, *, style: str = "") -> None:
        """Write one line."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def fail(self, text: str) -> None:
        """Write why the start failed."""
        self.say(f"{self._failed} {text}", style="red")
