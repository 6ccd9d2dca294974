"""The benchmark: that it measures what it says, counts no wrong answer, and leaves nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from entrypoints.bench.answers import WrongAnswer, check
from entrypoints.bench.command import bench
from entrypoints.bench.databases import PREFIX
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import rate_in_window
from entrypoints.bench.questions import catalogue_question, sale_question
from entrypoints.bench.recorder import only_with
from entrypoints.bench.report import percentile
from entrypoints.bench.scripts import Answer, Recorded, script
from entrypoints.bench.timing import Timing
from entrypoints.embedded.processes import wait_until
from kernel.ids import new_id
from kernel.settings import Settings

TINY = 0.1
KNOWN, NEW, KEY = (UUID(int=number << 80 | 7 << 76 | 2 << 62) for number in (1, 2, 3))
PLATFORM = Path(__file__).parents[2] / "platform"


def written(sql: str, *values: object) -> str:
    """The last line of a script with this one statement."""
    text = script([Recorded(sql, values)], is_new=lambda one: one == NEW, answers={})
    return text.splitlines()[-1]


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "null"),
        (5, "'5'"),
        (True, "'true'"),
        ("it's", "'it''s'"),
        (b"\x01\xff", "E'\\\\x01ff'"),
        ("L:WALLET", "E'L\\x3AWALLET'"),
        (timedelta(seconds=30), "'30.0 seconds'"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), r"E'2026-01-02T03\x3A04\x3A00+00\x3A00'"),
        (KNOWN, f"'{KNOWN}'"),
        ([1, 2], """'{"1","2"}'"""),
        ([KNOWN, None], f"""'{{"{KNOWN}",NULL}}'"""),
        (['say "no"'], """E'{"say \\\\"no\\\\""}'"""),
    ],
)
def test_an_argument_becomes_a_literal_in_which_pgbench_sees_no_variable(
    value: object, literal: str
) -> None:
    assert written("select $1", value) == f"select {literal};"


def test_what_the_operation_made_is_made_anew_in_each_run_of_the_script() -> None:
    made = f"('0' || to_hex(:ms::bigint) || substr(md5(:n::text || '{NEW.hex}'), 13))::uuid"

    assert written("select $1", NEW) == f"select {made};"
    assert written("select $1", f"sale:{NEW}") == f"select (E'sale\\x3A' || {made}::text);"
    assert written("select $1", [NEW, KNOWN]) == f"select array[{made}, '{KNOWN}']::uuid[];"
    assert "substr(md5(" in written("select $1", "K20260102-ABCDEFGHJK")


def test_a_key_that_the_database_chose_is_taken_from_its_answer() -> None:
    text = script(
        [Recorded("update keys returning keys.id"), Recorded("select $1", ([KEY],))],
        is_new=lambda one: False,
        answers={KEY: Answer(0, "id")},
    )

    assert text.splitlines()[-2:] == [
        r"update keys returning keys.id \gset got_",
        "select array[:got_id::uuid]::uuid[];",
    ]


def test_begin_and_its_scope_stay_one_round_trip() -> None:
    text = script([Recorded("begin;select 1"), Recorded("commit")], is_new=bool, answers={})

    assert text.splitlines()[-5:] == [
        r"\startpipeline",
        "begin;",
        "select 1;",
        r"\endpipeline",
        "commit;",
    ]


def test_a_statement_that_pgbench_would_misread_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot read"):
        written("select a[1:b] from t")


def test_a_part_of_an_operation_keeps_its_transaction() -> None:
    texts = ("begin;one", "read", "commit", "begin;two", "post", "read", "commit")
    whole = [Recorded(sql) for sql in texts]

    assert [one.sql for one in only_with("post", whole)] == ["begin;two", "post", "commit"]
    with pytest.raises(BenchFailed, match="no statement"):
        only_with("nothing like it", whole)


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


def product() -> dict[str, Any]:
    price = {"amount": {"amountMinor": 5}}
    return {"id": "i", "name": "n", "slug": "s", "price": price, "stock": {"quantity": 1}}


def page(*products: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"products": {"edges": [{"node": one} for one in products]}}}


def test_a_page_counts_only_with_all_its_products_and_all_their_fields() -> None:
    question = catalogue_question("shop.test", None)
    check(question, page(*[product()] * 24))

    without_price = [product() | {"price": None}, *[product()] * 23]
    sold_out = [product() | {"stock": {"quantity": 0}}, *[product()] * 23]
    for wrong in (
        page(*[product()] * 23),
        page(*without_price),
        page(*sold_out),
        {"errors": [{"message": "no"}], **page(*[product()] * 24)},
        {"data": None},
    ):
        with pytest.raises(WrongAnswer):
            check(question, wrong)


def test_a_sale_counts_only_when_its_key_is_delivered() -> None:
    question = sale_question(
        "shop.test", token="kmc_x", sku_id="sku_x", total_minor=500, currency="CNY"
    )
    line = {"quantity": 1, "keys": [{"id": "k", "serial": "s", "commitment": "c" * 64}]}
    order = {"no": "K1", "status": "DELIVERED", "total": {"amountMinor": 500}, "lines": [line]}
    check(question, {"data": {"quickBuy": {"order": order}}})

    for wrong in (
        {"order": order | {"status": "PENDING_PAYMENT"}},
        {"order": order | {"total": {"amountMinor": 499}}},
        {"order": order | {"lines": [line | {"keys": []}]}},
        {"code": "OUT_OF_STOCK", "message": "Sold out."},
    ):
        with pytest.raises(WrongAnswer):
            check(question, {"data": {"quickBuy": wrong}})


async def bench_databases(config: Settings) -> list[str]:
    connection = await asyncpg.connect(config.database_url)
    try:
        rows = await connection.fetch(
            "select datname from pg_database where starts_with(datname, $1)", PREFIX
        )
    finally:
        await connection.close()
    return [row["datname"] for row in rows]


async def rows_of(config: Settings, file: Path, *names: str, clients: int) -> list[dict[str, Any]]:
    """A quick run's rows; it must have succeeded and its databases must be gone."""
    before = await bench_databases(config)
    code = await bench(names=names, clients=str(clients), scale=TINY, quick=True, json_file=file)
    rows: list[dict[str, Any]] = orjson.loads(await asyncio.to_thread(file.read_bytes))["rows"]

    assert (code, [row["workload"] for row in rows]) == (0, list(names))
    assert await bench_databases(config) == before
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
    assert row["statements"] < row["round_trips"]
    assert row["limit"]


@pytest.mark.engines
async def test_sales_are_measured_beside_their_limit_and_nothing_is_left(
    config: Settings, tmp_path: Path
) -> None:
    [row] = await rows_of(config, tmp_path / "rows.json", "sale", clients=2)

    assert_measured(row, clients=2)


@pytest.mark.engines
@pytest.mark.soak
@pytest.mark.parametrize("clients", [1, 8])
async def test_every_workload_is_measured(config: Settings, tmp_path: Path, clients: int) -> None:
    names = ("catalogue", "product", "sale", "ledger")
    for row in await rows_of(config, tmp_path / "rows.json", *names, clients=clients):
        assert_measured(row, clients=clients)


async def test_an_unknown_workload_and_an_impossible_number_of_clients_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await bench(names=["refunds"]) == 1
    assert await bench(clients="0") == 1
    assert await bench(clients="8,many") == 1

    said = capsys.readouterr().out
    assert "catalogue, product, sale, ledger" in said
    assert "1 to 64 clients" in said


@pytest.fixture
def running_bench(config: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of its own process; all that it starts has this test's directory in its environment."""
    command = [sys.executable, "-m", "entrypoints.cli", "bench", "catalogue", "--clients", "2"]
    run = subprocess.Popen(
        [*command, "--scale", str(TINY), "--quick"],
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
async def test_ctrl_c_leaves_no_process_and_no_database(
    running_bench: subprocess.Popen[str], config: Settings, tmp_path: Path
) -> None:
    before = await bench_databases(config)
    assert running_bench.stdout is not None
    while "round 1, limit" not in await asyncio.to_thread(running_bench.stdout.readline):
        assert running_bench.poll() is None
    await asyncio.sleep(0.5)  # by now pgbench runs beside the API and the worker
    running_bench.send_signal(signal.SIGINT)

    assert await asyncio.to_thread(running_bench.wait, 30) == 130
    gone = await asyncio.to_thread(
        wait_until, lambda: not processes_with(str(tmp_path)), timeout_seconds=20
    )
    assert gone, processes_with(str(tmp_path))
    assert set(await bench_databases(config)) <= set(before)
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


def test_new_ids_of_the_product_are_ordered_by_time() -> None:
    assert new_id().version == 7  # the recorder tells new ids from old ones by it
