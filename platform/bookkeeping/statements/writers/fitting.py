"""Texts that fit into a column."""

from collections.abc import Callable


def fitting(text: str, width_of: Callable[[str], float], width: float) -> str:
    """The text, or as much of its beginning as is at most so wide, and an ellipsis."""
    if width_of(text) <= width:
        return text
    kept = len(text)
    while kept and width_of(f"{text[:kept]}…") > width:
        kept -= 1
    return f"{text[:kept]}…"
