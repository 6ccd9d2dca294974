"""What the load client is told and what it tells, as JSON between two processes."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import orjson

from entrypoints.bench.load.questions import Question


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Whom to ask what, and when. Times are of the monotonic clock, which processes share."""

    port: int
    questions: list[Question]
    pools: list[list[int]]
    """One list of places in `questions` a connection; each time one of them is drawn."""
    window_from_seconds: float
    window_until_seconds: float
    seed: int
    weights: list[float] = field(default_factory=list)
    """How often each kind of question is asked: of each name in `kinds`. Empty: all alike."""
    kinds: list[str] = field(default_factory=list)
    each_once: bool = False
    """The connections together ask every question once, and then no more."""
    channel_port: int = 0
    channel_key: str = ""
    """The payment channel's stand-in and its API key, where buyers pay there."""
    report_every_seconds: float = 0.0
    """Print a line of JSON each time; 0 prints none."""

    def write(self, file: Path) -> None:
        """Write the plan for `read`."""
        file.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a plan."""
        given = orjson.loads(file.read_bytes())
        questions = [Question.from_json(one) for one in given.pop("questions")]
        return cls(questions=questions, **given)


@dataclass(slots=True)
class LoadResult:
    """What was answered within the window. `cpu_seconds` is the client's own processor time."""

    operations: int = 0
    errors: int = 0
    first_errors: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what the load client has written."""
        return cls(**orjson.loads(file.read_bytes()))
