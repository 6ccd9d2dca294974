"""What a person sees while it is measured: a bar with what is under way, or plain lines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def steps(console: Console, *, total: int) -> Iterator[Callable[[str], None]]:
    """Hand out a function that names the step that begins, of `total`."""
    if not console.is_terminal:
        yield lambda text: console.print(f"{text} ...", markup=False)
        return
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        first = True

        def say(text: str) -> None:
            nonlocal first
            bar.update(task, description=text, advance=0 if first else 1)
            first = False

        yield say
