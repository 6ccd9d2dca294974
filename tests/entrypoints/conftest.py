"""Directories for engines of a test's own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from entrypoints.embedded import Engines, erase_engines, start_engines


@contextmanager
def directory_for_engines() -> Iterator[Path]:
    """A data directory that another account may walk through, and nothing left of it after."""
    directory = Path(tempfile.mkdtemp(prefix="kameng-test-"))
    directory.chmod(0o711)
    yield directory
    erase_engines(directory)
    shutil.rmtree(directory)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory of this test's own."""
    with directory_for_engines() as directory:
        yield directory


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Path, Engines]]:
    """Engines, and their directory, for tests that only look."""
    with directory_for_engines() as directory:
        yield directory, start_engines(directory, durable=False)
