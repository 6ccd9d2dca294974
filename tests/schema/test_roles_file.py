"""`docs/roles.md` is what the field table says, so that a reviewer sees who may do what."""

from pathlib import Path

import pytest

from entrypoints import roles_file
from entrypoints.roles_file import check_roles, write_roles
from schema.field_table import GRANTS
from schema.field_table.roles import EVERYONE

ROOT = Path(__file__).parent.parent.parent


def test_the_stored_table_is_the_codes() -> None:
    assert check_roles(ROOT / "docs" / "roles.md") == 0


def test_every_field_stands_in_the_table_once(tmp_path: Path) -> None:
    file = tmp_path / "roles.md"
    write_roles(file)
    found: list[str] = []
    type_name = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            type_name = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| fields "):
            found += [f"{type_name}.{field}" for field in line.split("|")[1].split()]
    assert sorted(found) == sorted(GRANTS)


def test_a_changed_grant_is_shown_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "roles.md"
    write_roles(file)
    assert check_roles(file) == 0
    changed = {**GRANTS, "Mutation.staffInvite": frozenset({"ANONYMOUS"})}
    monkeypatch.setattr(roles_file, "GRANTS", changed)
    assert check_roles(file) == 1
    assert "+| staffInvite | ANONYMOUS |" in capsys.readouterr().err


def test_whole_groups_are_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = frozenset(role for role in EVERYONE if role.startswith("STAFF_"))
    grants = {"Query.a": EVERYONE, "Query.b": staff | {"API_PURCHASE"}}
    monkeypatch.setattr(roles_file, "GRANTS", grants)
    file = tmp_path / "roles.md"
    write_roles(file)
    text = file.read_text(encoding="utf-8")
    assert "| a | everybody |" in text
    assert "| b | API_PURCHASE, STAFF_* |" in text
