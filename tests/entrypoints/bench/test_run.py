"""The benchmark: that it measures what it says, counts no wrong answer, and leaves nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import pytest

from bench_leftovers import databases_of, kept_databases
from entrypoints.bench.children import NO_CACHE, ONE_CONNECTION, product_environment, run_module
from entrypoints.bench.choice import MEASURES
from entrypoints.bench.command import bench
from entrypoints.bench.databases import market_template
from entrypoints.bench.load.questions import catalogue_question, product_question
from entrypoints.bench.market.planting import plant_market
from entrypoints.bench.recording.recorder import Recording, RecordingPlan
from entrypoints.bench.timing import Size
from entrypoints.embedded.processes import wait_until
from kernel.settings import Settings
from patience import PATIENCE_SECONDS

TINY: Final = Size.of(0.1)
PLATFORM: Final = Path(__file__).parents[3] / "platform"
STATEMENTS: Final = {"catalogue": (1, 1), "product": (1, 1), "sale": (2, 2)}
"""What an operation asks of the database: statements, and with what opens and ends transactions.
They change when somebody means to change them."""


async def rows_of(config: Settings, file: Path, *names: str, clients: int) -> list[dict[str, Any]]:
    """A quick run's rows; it must have succeeded and its databases must be gone."""
    code = await bench(names=names, clients=str(clients), size=TINY, quick=True, json_file=file)
    rows: list[dict[str, Any]] = orjson.loads(await asyncio.to_thread(file.read_bytes))["rows"]

    assert (code, [row["workload"] for row in rows]) == (0, list(names))
    assert await databases_of(config, os.getpid()) == []
    return rows


def assert_measured(row: dict[str, Any], *, clients: int) -> None:
    """Every column is there, and whatever must be more than nothing is."""
    positive = ("ops_per_s", "p50_ms", "statements", "round_trips", "limit_ops_per_s", "ratio")
    assert row["clients"] == clients
    assert row["errors"] == []
    assert row["operations"] > 0
    assert all(row[name] > 0 for name in positive)
    assert row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    assert row["api_cpu_ms"] >= 0 and 0 <= row["client_cpu_share"] <= 1
    assert row["db_cpu_ms"] is None or row["db_cpu_ms"] >= 0
    assert row["statements"] <= row["round_trips"]
    assert row["wal_bytes"] >= 0 and row["transactions"] >= 0
    assert row["limit"]


@pytest.mark.engines
@pytest.mark.sweep
async def test_sales_are_measured_beside_their_limit_and_nothing_is_left(
    config: Settings, tmp_path: Path
) -> None:
    [row] = await rows_of(config, tmp_path / "rows.json", "sale", clients=2)

    assert_measured(row, clients=2)
    assert (row["statements"], row["round_trips"]) == STATEMENTS["sale"]


@pytest.mark.parametrize("name", ["catalogue", "product"])
async def test_a_read_asks_the_database_as_often_as_agreed(
    config: Settings, owner: asyncpg.Connection, tmp_path: Path, name: str
) -> None:
    async def nothing() -> None:
        """No key of this market must be opened."""

    market = await plant_market(owner, TINY, seal=nothing, say=print)
    host, slug = market.shops[0].host, market.skus[0].slug
    questions = {
        "catalogue": catalogue_question(host, None),
        "product": product_question(host, slug),
    }
    plan, result = tmp_path / "plan.json", tmp_path / "result.json"
    RecordingPlan([questions[name]] * 2, str(tmp_path)).write(plan)
    environment = product_environment(config, database_url=config.database_url, logs=tmp_path)
    await run_module(
        "entrypoints.bench.recording.recorder",
        arguments=[plan, result],
        environment=environment | NO_CACHE | ONE_CONNECTION,
        log_file=tmp_path / "recorder.log",
    )

    recording = Recording.read(result)
    assert (recording.statements, recording.round_trips) == STATEMENTS[name]


@pytest.mark.engines
@pytest.mark.soak
@pytest.mark.parametrize("clients", [1, 8])
async def test_every_workload_is_measured(config: Settings, tmp_path: Path, clients: int) -> None:
    names = [one.name for one in MEASURES if one.takes_clients]
    for row in await rows_of(config, tmp_path / "rows.json", *names, clients=clients):
        assert_measured(row, clients=clients)


@pytest.mark.engines
@pytest.mark.soak
async def test_imports_and_subscriptions_are_measured(config: Settings, tmp_path: Path) -> None:
    imported, watched = await rows_of(config, tmp_path / "rows.json", "import", "fanout", clients=2)

    assert_measured(imported, clients=1)
    assert imported["operations"] == TINY.import_keys
    assert_measured(watched, clients=TINY.sockets)
    assert (watched["operations"], watched["bytes_per_socket"] > 0) == (TINY.sockets, True)


async def test_a_kept_market_is_taken_up_again_and_is_not_planted_anew(config: Settings) -> None:
    before = set(await kept_databases(config))
    said: list[str] = []
    urls: set[tuple[str, int, int]] = set()

    async def seal(database_url: str) -> None:
        said.append("sealed")

    size = Size(shops=2, skus=12, keys_per_sku=1)
    for _ in range(2):
        kept = market_template(config, size, seal=seal, say=said.append, keep=True)
        async with kept as (url, market):
            urls.add((url, len(market.shops), len(market.skus)))
    (name,) = set(await kept_databases(config)) - before
    connection = await asyncpg.connect(config.database_url)
    await connection.execute(f'drop database "{name}" with (force)')
    await connection.close()

    assert len(urls) == 1
    assert (said.count("sealed"), said.count("Data: vacuum analyze")) == (1, 1)


async def test_an_unknown_workload_and_an_impossible_number_of_clients_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await bench(names=["refunds"]) == 1
    assert await bench(clients="0") == 1
    assert await bench(clients="8,many") == 1

    said = capsys.readouterr().out
    assert "catalogue, catalogue_cached, product, sale" in said
    assert "1 to 200 clients" in said


@pytest.fixture
def running_bench(config: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of its own process; all that it starts has this test's directory in its environment."""
    command = [sys.executable, "-m", "entrypoints.cli", "bench", "catalogue", "--clients", "2"]
    run = subprocess.Popen(
        [*command, "--scale", "0.1", "--quick"],
        env={**os.environ, "PYTHONPATH": str(PLATFORM), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield run
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def processes_with(text: str) -> list[str]:
    """The processes that were started with this text in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and text.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # gone meanwhile, or another account's
            continue
    return found


@pytest.mark.engines
@pytest.mark.sweep
async def test_ctrl_c_leaves_no_process_and_no_database(
    running_bench: subprocess.Popen[str], config: Settings, tmp_path: Path
) -> None:
    assert running_bench.stdout is not None
    while "round 1, limit" not in await asyncio.to_thread(running_bench.stdout.readline):
        assert running_bench.poll() is None
    await asyncio.sleep(0.5)  # by now pgbench runs beside the API and the worker
    running_bench.send_signal(signal.SIGINT)

    assert await asyncio.to_thread(running_bench.wait, PATIENCE_SECONDS) == 130
    gone = await asyncio.to_thread(
        wait_until, lambda: not processes_with(str(tmp_path)), timeout_seconds=PATIENCE_SECONDS
    )
    assert gone, processes_with(str(tmp_path))
    assert await databases_of(config, running_bench.pid) == []
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
