"""What a long run tells while it goes on: a line of JSON for each stretch of time."""

import asyncio
import sys
from dataclasses import dataclass, field
from typing import Any

import orjson

from entrypoints.bench.percentiles import percentile


@dataclass(slots=True)
class Reporter:
    """Counts of the stretch that is under way. Latencies are of this stretch only, so that an
    hour of them does not fill the client's memory."""

    errors: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def answered(self, latency_ms: float) -> None:
        """Count an operation."""
        self.latencies_ms.append(latency_ms)

    async def run(self, every_seconds: float) -> None:
        """Print a line each time, until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            sys.stdout.write(orjson.dumps(self.line()).decode() + "\n")
            sys.stdout.flush()

    def line(self) -> dict[str, Any]:
        """Sum up the stretch and begin the next."""
        latencies, errors = sorted(self.latencies_ms), self.errors
        self.latencies_ms, self.errors = [], 0
        return {
            "operations": len(latencies),
            "errors": errors,
            "p50_ms": round(percentile(latencies, 0.50), 2),
            "p95_ms": round(percentile(latencies, 0.95), 2),
            "p99_ms": round(percentile(latencies, 0.99), 2),
        }
