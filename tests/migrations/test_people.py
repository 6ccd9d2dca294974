"""Programs from before scopes were looked at keep what they were meant for, and no more."""

from pathlib import Path
from typing import Final

import asyncpg
import pytest

import migrations
from kernel.ids import new_id
from two_tenants import insert, plant_root

HISTORY: Final = sorted(Path(migrations.__file__).parent.glob("*.sql"))
STEP: Final = next(file for file in HISTORY if file.stem.endswith("_people_and_storefronts"))


@pytest.mark.engines
async def test_free_words_become_the_scopes_that_they_meant(empty_database: str) -> None:
    owner = await asyncpg.connect(empty_database)
    for file in HISTORY[: HISTORY.index(STEP)]:
        await owner.execute(file.read_text())
    root_id = await plant_root(owner)
    words = {
        "both": ["catalogue:read", "orders:read", "orders:write"],
        "one": ["orders"],
        "other": ["catalogue"],
        "unknown": ["everything", "x"],
    }
    for name, scopes in words.items():
        await insert(owner, "api_clients", tenant_id=root_id, id=new_id(), name=name, scopes=scopes)

    await owner.execute(STEP.read_text())

    rows = await owner.fetch("select name, scopes, allowed_networks from api_clients")
    assert {row["name"]: set(row["scopes"]) for row in rows} == {
        "both": {"API_CATALOGUE_READ", "API_ORDERS_READ"},
        "one": {"API_ORDERS_READ"},
        "other": {"API_CATALOGUE_READ"},
        "unknown": {"API_CATALOGUE_READ"},
    }
    assert {row["allowed_networks"] for row in rows} == {None}
    forced = "select relforcerowsecurity from pg_class where relname = 'api_clients'"
    assert await owner.fetchval(forced) is True
    await owner.close()
