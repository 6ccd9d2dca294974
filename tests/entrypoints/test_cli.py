"""The command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from entrypoints.cli import app
from entrypoints.version import __version__

PLATFORM = Path(__file__).parents[2] / "platform"

PROGRAM = """
import sys
from entrypoints.cli import app
assert not {"tortoise", "strawberry", "stripe", "asyncpg", "redis"} & set(sys.modules)
"""


def test_every_command_has_a_line_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    app("--help", result_action="return_value")

    shown = capsys.readouterr().out
    for command in ("up", "down", "serve", "worker", "migrate", "demo", "keys", "verify"):
        assert f" {command} " in shown
    for command in ("schema", "bench", "version", "reconcile"):
        assert f" {command} " in shown


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    app("version", result_action="return_value")

    assert capsys.readouterr().out == f"kameng {__version__}\n"


def test_the_command_line_loads_no_heavy_library_before_it_is_needed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(PLATFORM)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_an_unknown_command_ends_with_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "sell"],
        env={"PYTHONPATH": str(PLATFORM)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "sell" in done.stdout + done.stderr
