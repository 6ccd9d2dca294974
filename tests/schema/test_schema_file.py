"""`schema.graphql` is what the code serves, so that a change of the API is seen in a review."""

from pathlib import Path

import pytest
from graphql import build_schema, print_schema

from entrypoints.schema_file import check_schema, write_schema
from schema.root import build_schema as build_product_schema
from schema.root import schema

ROOT = Path(__file__).parent.parent.parent


def test_the_stored_schema_is_the_codes() -> None:
    assert check_schema(ROOT / "schema.graphql") == 0


def test_a_written_schema_passes_the_check_and_is_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"
    assert write_schema(file) == 0
    assert check_schema(file) == 0
    built = build_schema(file.read_text(encoding="utf-8"))
    assert set(built.type_map) == set(schema._schema.type_map)


def test_a_difference_is_shown_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "schema.graphql"
    write_schema(file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("  walletTopUp(", "  walletFillUp("), encoding="utf-8")
    assert check_schema(file) == 1
    told = capsys.readouterr().err
    assert "-  walletFillUp(" in told
    assert "+  walletTopUp(" in told


def test_a_file_that_is_not_there_fails(tmp_path: Path) -> None:
    assert check_schema(tmp_path / "schema.graphql") == 1


def test_production_serves_the_same_schema() -> None:
    demo, production = (build_product_schema(production=flag)._schema for flag in (False, True))
    assert print_schema(demo) == print_schema(production)
