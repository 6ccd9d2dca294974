"""What all measurements of a run share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from entrypoints.bench.market.records import Market
from entrypoints.bench.timing import Size, Timing
from kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers, the filled template, and how and how long is measured."""

    config: Settings
    template_url: str
    market: Market
    size: Size
    timing: Timing
    pgbench: Path
    logs: Path
    say: Callable[[str], object]
    with_limit: bool = True
    """Whether the limit runs in turn with the product; growth curves do without."""
    to_copy: bool = True
    """Whether the filled template is copied for each measurement, and not used up by one."""
