"""Curves and mixed load, in their shortest forms: that they measure, tell, and take all away."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from bench_leftovers import databases_of
from entrypoints.bench.growth.command import grow
from entrypoints.bench.growth.curves import chosen_growths
from entrypoints.bench.mixed import mixed
from kernel.settings import Settings

PLATFORM = Path(__file__).parents[3] / "platform"
pytestmark = pytest.mark.engines


@pytest.mark.sweep
async def test_a_curve_is_measured_written_down_and_drawn(
    config: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await grow(names=["buyers"], most=2, quick=True, scale=0.05, folder=tmp_path)

    curve = orjson.loads((tmp_path / "growth-buyers.json").read_bytes())
    (line,) = curve["lines"]
    assert code == 0
    assert [(point["at"], point["errors"]) for point in line["points"]] == [(1, 0), (2, 0)]
    assert all(point["ops_per_s"] > 0 and point["statements"] > 0 for point in line["points"])
    assert (tmp_path / "growth-buyers.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "buyers, sale: 1: " in capsys.readouterr().out
    assert await databases_of(config, os.getpid()) == []


@pytest.mark.soak
@pytest.mark.parametrize("name", ["depth", "suppliers", "root_change"])
async def test_every_curve_is_measured_at_its_first_points(
    config: Settings, tmp_path: Path, name: str
) -> None:
    (growth,) = chosen_growths([name])
    code = await grow(names=[name], most=growth.points[1], quick=True, scale=0.05, folder=tmp_path)

    curve = orjson.loads((tmp_path / f"growth-{name}.json").read_bytes())
    points = [point for line in curve["lines"] for point in line["points"]]
    assert code == 0
    assert len(points) == 2 * len(curve["lines"])
    assert all(point["ops_per_s"] > 0 and not point["errors"] for point in points)
    assert all((point["stale_ms"] is not None) == growth.changes_price for point in points)
    assert await databases_of(config, os.getpid()) == []


@pytest.mark.sweep
async def test_mixed_load_tells_how_it_goes_and_ends_with_sound_books(
    config: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await mixed(minutes=0.1, clients=3, scale=0.05, every_seconds=1.5)

    said = capsys.readouterr().out
    assert code == 0
    assert said.count("MiB PSS") >= 3
    assert " operations, 0 errors." in said and "All invariants hold." in said
    assert await databases_of(config, os.getpid()) == []


@pytest.fixture
def running_mix(config: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of its own process."""
    run = subprocess.Popen(
        [sys.executable, "-m", "entrypoints.cli", "bench", "mixed", "--scale", "0.05"],
        env={**os.environ, "PYTHONPATH": str(PLATFORM), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield run
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


@pytest.mark.soak
async def test_mixed_load_that_is_interrupted_sums_up_and_leaves_nothing(
    running_mix: subprocess.Popen[str], config: Settings, tmp_path: Path
) -> None:
    assert running_mix.stdout is not None
    while "MiB PSS" not in await asyncio.to_thread(running_mix.stdout.readline):
        assert running_mix.poll() is None
    running_mix.send_signal(signal.SIGINT)

    assert await asyncio.to_thread(running_mix.wait, 30) == 130
    assert " operations, 0 errors." in running_mix.stdout.read()
    assert await databases_of(config, running_mix.pid) == []
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
