"""What was measured: a row for each workload and number of clients. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of the product came to. Processor times are in seconds."""

    operations: int
    errors: tuple[str, ...]
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    api_cpu_seconds: float
    db_cpu_seconds: float | None
    client_cpu_seconds: float
    channel_cpu_seconds: float = 0.0
    wal_bytes: int = 0
    transactions: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. Rates and percentiles are medians over the rounds.

    `api_cpu_ms` and `db_cpu_ms` are per operation; the second is None where the database runs on
    another machine. `statements` leaves out what opens and ends transactions, `round_trips` does
    not. `transactions` were counted in the windows, and are fewer where a cache has answered.
    `wal_bytes` is what the server wrote to its log for each operation, whole pages after a
    checkpoint included. `client_cpu_share` is the load client's part of one processor, and
    `channel_cpu_ms` what the stand-in for the payment channel used for each operation.
    """

    workload: str
    clients: int
    ops_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    api_cpu_ms: float
    db_cpu_ms: float | None
    statements: float
    round_trips: float
    limit_ops_per_s: float
    ratio: float
    client_cpu_share: float
    operations: int
    errors: tuple[str, ...]
    limit: str
    wal_bytes: float = 0.0
    transactions: float = 0.0
    channel_cpu_ms: float = 0.0
    bytes_per_socket: float | None = None

    def with_socket_size(self, bytes_per_socket: float) -> "Row":
        """Note what the API keeps for each open socket."""
        return replace(self, bytes_per_socket=round(bytes_per_socket))


def row(
    *,
    workload: str,
    clients: int,
    windows: Sequence[Window],
    limits: Sequence[float],
    statements: float,
    round_trips: float,
    limit: str,
) -> Row:
    """Sum up the rounds of one workload with one number of clients.

    Without `limits` (a growth curve has none) the limit and the ratio are 0.
    """
    operations = sum(one.operations for one in windows)
    ops_per_s = statistics.median(one.operations / one.seconds for one in windows)
    limit_ops_per_s = statistics.median(limits) if limits else 0.0
    of_database = [one.db_cpu_seconds for one in windows if one.db_cpu_seconds is not None]

    def per_operation_ms(seconds: float) -> float:
        return round(seconds * 1000 / max(1, operations), 3)

    return Row(
        workload=workload,
        clients=clients,
        ops_per_s=round(ops_per_s, 1),
        p50_ms=round(statistics.median(one.p50_ms for one in windows), 2),
        p95_ms=round(statistics.median(one.p95_ms for one in windows), 2),
        p99_ms=round(statistics.median(one.p99_ms for one in windows), 2),
        api_cpu_ms=per_operation_ms(sum(one.api_cpu_seconds for one in windows)),
        db_cpu_ms=per_operation_ms(sum(of_database)) if len(of_database) == len(windows) else None,
        statements=round(statements, 2),
        round_trips=round(round_trips, 2),
        limit_ops_per_s=round(limit_ops_per_s, 1),
        ratio=round(ops_per_s / limit_ops_per_s, 4) if limit_ops_per_s else 0.0,
        client_cpu_share=round(
            sum(one.client_cpu_seconds for one in windows) / sum(one.seconds for one in windows), 3
        ),
        operations=operations,
        errors=tuple(error for one in windows for error in one.errors),
        limit=limit,
        wal_bytes=round(sum(one.wal_bytes for one in windows) / max(1, operations)),
        transactions=round(sum(one.transactions for one in windows) / max(1, operations), 2),
        channel_cpu_ms=per_operation_ms(sum(one.channel_cpu_seconds for one in windows)),
    )
