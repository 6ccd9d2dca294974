"""What a newcomer needs once everything runs: addresses, tokens, a first query."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from entrypoints.up.plan import Plan
from entrypoints.up.progress import Progress

FILE_NAME = "demo.json"


def show_summary(plan: Plan, progress: Progress) -> None:
    """Print where everything answers and what the demo data offers."""
    progress.say("")
    for line in _columns(plan.addresses):
        progress.say(line)
    for line in _demo_lines(_read(plan.data_dir / FILE_NAME)):
        progress.say(line)
    progress.say("")
    progress.say(f"Logs: {plan.data_dir / 'logs'}")
    progress.say("kameng is running. Ctrl-C stops it.", style="bold")


def _read(file: Path) -> Mapping[str, Any]:
    if not file.exists():
        return {}
    content: Mapping[str, Any] = json.loads(file.read_text())
    return content


def _demo_lines(demo: Mapping[str, Any]) -> Iterator[str]:
    if shops := demo.get("shops"):
        yield from ("", "Shops")
        yield from _columns([(shop["name"], shop["url"]) for shop in shops])
    if tokens := demo.get("tokens"):
        yield from ("", "Tokens (Authorization: Bearer …)")
        yield from _columns(
            [(token["role"], token.get("shop") or "-", token["token"]) for token in tokens]
        )
    for title, name in (("A first query", "first_query"), ("The same from a shell", "curl")):
        if text := demo.get(name):
            yield from ("", title)
            yield from (f"  {line}" for line in str(text).strip().splitlines())


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    # A Chinese character is two cells wide.
    widths = [max(cell_len(word) for word in column) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (word + " " * (w - cell_len(word)) for word, w in zip(row, widths, strict=True))
        yield "  " + "  ".join(padded).rstrip()
