"""The house rules that no other tool checks for us."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "platform"
LOCK_FILES = ("runtime", "embedded", "dev")
LONGEST_FUNCTION_LINES = 70
LONGEST_FILE_LINES = 300

CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINTER: dict[str, Any] = CONFIG["tool"]["importlinter"]


def rooms() -> set[str]:
    return {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}


def source_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def contract(name: str) -> dict[str, Any]:
    (found,) = (one for one in LINTER["contracts"] if one["id"] == name)
    return dict(found)


def lines_of(requirements: str) -> list[str]:
    return (ROOT / "requirements" / requirements).read_text().split("\n")


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Every function's name and its length in lines."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_platform_is_a_folder_and_never_a_package() -> None:
    assert not (SOURCE / "__init__.py").exists(), "it would shadow Python's own `platform`"


def test_no_room_is_named_like_a_standard_module() -> None:
    assert not rooms() & sys.stdlib_module_names


def test_no_room_is_named_like_an_installed_distribution() -> None:
    installed = set(importlib.metadata.packages_distributions())

    assert not rooms() & installed


def test_every_room_has_its_floor() -> None:
    floors = {room.strip() for floor in contract("floors")["layers"] for room in floor.split("|")}

    assert rooms() == floors == set(LINTER["root_packages"])


def test_every_rooms_tables_are_its_own() -> None:
    rooms_with_tables = {room for room in rooms() if (SOURCE / room / "models.py").is_file()}
    protected = {
        one["protected_modules"][0].removesuffix(".models"): one["allowed_importers"]
        for one in LINTER["contracts"]
        if one["type"] == "protected"
    }

    assert protected == {room: [room, "schema", "migrations"] for room in rooms_with_tables}


def test_no_room_may_go_round_in_circles() -> None:
    assert set(contract("circles")["ancestors"]) == rooms()


def test_pure_arithmetic_is_there_to_be_pure() -> None:
    for module in contract("pure")["source_modules"]:
        path = SOURCE.joinpath(*module.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), module


@pytest.mark.parametrize("room", sorted(rooms()))
def test_a_room_says_what_it_is_for(room: str) -> None:
    entrance = SOURCE / room / "__init__.py"

    assert entrance.is_file()
    assert ast.get_docstring(ast.parse(entrance.read_text()))


def test_no_function_is_longer_than_the_wall() -> None:
    too_long = {
        f"{file.relative_to(ROOT)}:{name}": lines
        for file in source_files()
        for name, lines in functions(file)
        if lines > LONGEST_FUNCTION_LINES
    }

    assert too_long == {}


def test_no_file_is_longer_than_the_wall() -> None:
    lengths = {
        str(file.relative_to(ROOT)): file.read_text().count("\n")
        for file in source_files()
        if "migrations" not in file.parts
    }

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE_LINES} == {}


def test_migrations_are_one_line_without_gaps_and_forks() -> None:
    history = sorted(path.stem for path in (SOURCE / "migrations").glob("0*.py"))
    after = {
        name: re.search(r'after="(\w+)"', (SOURCE / "migrations" / f"{name}.py").read_text())
        for name in history
    }

    assert [name[:4] for name in history] == [f"{n:04}" for n in range(1, len(history) + 1)]
    assert [found[1] if found else None for found in after.values()] == [None, *history[:-1]]


@pytest.mark.parametrize("folder", ["platform", "tests"])
def test_an_exception_to_a_lint_has_its_reason_on_the_line(folder: str) -> None:
    bare = re.compile(r"# (noqa(?!: [A-Z0-9, ]+ - \w)|type: ignore(?!\[[a-z, -]+\]  # \w))")

    assert bare.search("x = 1  # " + "noqa: S105") and bare.search("# type: " + "ignore[misc]")
    assert [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if bare.search(line)
    ] == []


def test_no_file_is_named_for_nothing_in_particular() -> None:
    vague = {"service.py", "services.py", "utils.py", "helpers.py", "common.py", "misc.py"}

    assert [file for file in source_files() if file.name in vague] == []


@pytest.mark.parametrize("name", LOCK_FILES)
def test_a_lock_file_carries_no_address_and_no_path(name: str) -> None:
    requirement = re.compile(
        r"[a-z0-9._-]+==[^\s/:@]+( ; [^/:@]+)? \\|    --hash=sha256:\w+( \\)?|"
    )

    assert [line for line in lines_of(f"{name}.txt") if not requirement.fullmatch(line)] == []


@pytest.mark.parametrize("name", LOCK_FILES)
def test_every_locked_library_has_a_hash(name: str) -> None:
    entries = "\n".join(lines_of(f"{name}.txt")).replace("\\\n", " ").strip().split("\n")

    assert len(entries) > 1
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_files_agree_on_every_version() -> None:
    versions: dict[str, set[str]] = {}
    for name in LOCK_FILES:
        for line in lines_of(f"{name}.txt"):
            if found := re.match(r"([a-z0-9._-]+)==(\S+)", line):
                versions.setdefault(found[1], set()).add(found[2])

    assert {name: both for name, both in versions.items() if len(both) > 1} == {}


def test_the_package_and_the_lock_files_want_the_same() -> None:
    project = CONFIG["project"]
    extras = project["optional-dependencies"]

    assert project["dependencies"] == list(filter(None, lines_of("runtime.in")))
    assert extras["embedded"] == list(filter(None, lines_of("embedded.in")))
    assert extras["dev"] == list(filter(None, lines_of("dev.in")))
