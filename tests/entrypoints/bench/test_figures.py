"""The arithmetic of the report: medians, shares, percentiles, drift."""

import pytest

from entrypoints.bench.drift import drift_per_minute
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import rate_in_window
from entrypoints.bench.percentiles import percentile
from entrypoints.bench.rows import Window, row
from entrypoints.bench.timing import Size, Timing


def test_only_the_seconds_of_the_window_count_for_the_limit() -> None:
    output = "\n".join(
        f"progress: {second}.0 s, {rate}.0 tps, lat 1 ms stddev 1, 0 failed"
        for second, rate in ((1, 10), (2, 20), (3, 100), (4, 200), (5, 999))
    )

    assert rate_in_window(output, Timing(warm_up_seconds=2, window_seconds=2)) == 150
    with pytest.raises(BenchFailed, match="no progress"):
        rate_in_window("nothing", Timing())


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]

    assert [percentile(values, share) for share in (0.5, 0.95, 0.99)] == [51.0, 96.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) == 0.0


def window(operations: int, **more: float) -> Window:
    given = {"p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, **more}
    return Window(
        operations=operations,
        errors=(),
        seconds=2.0,
        api_cpu_seconds=0.5,
        db_cpu_seconds=0.25,
        client_cpu_seconds=0.2,
        wal_bytes=operations * 4_000,
        transactions=operations * 3,
        **given,
    )


def test_a_row_has_medians_of_rates_and_sums_of_costs() -> None:
    made = row(
        workload="sale",
        clients=8,
        windows=[window(100), window(200, p95_ms=9.0), window(200)],
        limits=[500, 1_000, 400],
        statements=4,
        round_trips=7,
        limit="pgbench",
    )

    assert (made.ops_per_s, made.p95_ms, made.limit_ops_per_s, made.ratio) == (100, 2.0, 500, 0.2)
    assert (made.api_cpu_ms, made.db_cpu_ms) == (3.0, 1.5)
    assert (made.wal_bytes, made.transactions, made.client_cpu_share) == (4_000, 3, 0.1)
    assert made.with_socket_size(30_000.4).bytes_per_socket == 30_000


def test_a_row_without_a_limit_has_no_ratio() -> None:
    made = row(
        workload="sale",
        clients=1,
        windows=[window(0)],
        limits=[],
        statements=4,
        round_trips=7,
        limit="",
    )

    assert (made.ops_per_s, made.limit_ops_per_s, made.ratio) == (0, 0, 0)


def test_drift_is_the_slope_of_the_line_that_fits_best() -> None:
    assert drift_per_minute([0, 30, 60], [5, 6, 7]) == pytest.approx(2)
    assert drift_per_minute([10, 20, 30], [4, 4, 4]) == 0
    assert drift_per_minute([10], [4]) == 0
    assert drift_per_minute([10, 10], [4, 5]) == 0


def test_the_full_size_is_the_one_that_the_targets_are_set_for() -> None:
    full = Size.full()

    assert (full.shops, full.skus, full.skus * full.keys_per_sku) == (100, 2_000, 1_000_000)
    assert (full.depth, full.sold_before, full.sockets, full.import_keys) == (
        3,
        500_000,
        5_000,
        100_000,
    )


def test_the_smallest_size_still_has_two_whole_pages_and_two_shops() -> None:
    least = Size.of(0)

    assert (least.shops, least.skus) == (2, 48)
