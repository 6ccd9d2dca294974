"""Requests that nobody wrote: generated from `schema.graphql`, sent to the running server.

Each operation is asked by somebody who is granted it, in documents that keep to the schema and in
documents that break it in one place. Whatever comes, the answer is no crash, and the books are
in order afterwards.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.graphql import nodes

from entrypoints.verify import verify
from kernel.settings import Settings
from processes import running_platform
from schema.field_table import GRANTS
from world import Person, ShopAt, World, build_world

pytestmark = pytest.mark.engines

SCHEMA_FILE: Final = Path(__file__).parent.parent.parent / "schema.graphql"
ROOTS: Final = ("Query.", "Mutation.")
MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)

schemathesis.graphql.scalar(
    "MinorUnits", st.integers(min_value=-(2**64), max_value=2**64).map(nodes.Int)
)


@pytest.mark.sweep
async def test_no_request_at_all_makes_the_server_fail(
    owner: asyncpg.Connection, config: Settings, tmp_path: Path
) -> None:
    assert await _fuzz(owner, config, tmp_path, examples=6, at_random=False) >= 300


@pytest.mark.soak
async def test_no_request_of_thousands_makes_the_server_fail(
    owner: asyncpg.Connection, config: Settings, tmp_path: Path
) -> None:
    assert await _fuzz(owner, config, tmp_path, examples=45, at_random=True) >= 2_000


async def _fuzz(
    owner: asyncpg.Connection, config: Settings, directory: Path, *, examples: int, at_random: bool
) -> int:
    """Send so many examples of each operation and kind; returns how many requests there were."""
    world = await build_world(owner)
    people = await _people(world)
    async with running_platform(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        directory=directory,
        KAMENG_REQUEST_DEADLINE_SECONDS="20",
    ) as platform:
        client = _Client(platform.api_url, people)
        await asyncio.to_thread(client.ask_everything, examples=examples, at_random=at_random)
    assert await verify(config.database_url) == []
    return client.sent


async def _people(world: World) -> dict[str, tuple[ShopAt, Person | None]]:
    """Enough roles to be granted everything; the first that is granted a field asks for it."""
    return {
        "CUSTOMER": (world.shop, await world.customer(wallet_minor=100_000)),
        "STAFF_OWNER": (world.shop, await world.staff("OWNER")),
        "AFFILIATE": (world.shop, await world.affiliate()),
        "SUPPLIER": (world.root, await world.supplier_token()),
        "OPERATOR": (world.root, await world.operator()),
        "ANONYMOUS": (world.shop, None),
    }


def _operations() -> list[Any]:
    """Every query and mutation of the schema; what ends a session comes last."""
    found = schemathesis.graphql.from_path(SCHEMA_FILE).get_all_operations()
    operations = [result.ok() for result in found if isinstance(result, Ok)]
    assert len(operations) == sum(coordinate.startswith(ROOTS) for coordinate in GRANTS)
    return sorted(operations, key=lambda operation: operation.label == "Mutation.signOut")


class _Client:
    """Asks as whoever is granted the operation, and looks at each answer."""

    def __init__(self, url: str, people: dict[str, tuple[ShopAt, Person | None]]) -> None:
        self._url = url
        self._people = people
        self.sent = 0

    def ask_everything(self, *, examples: int, at_random: bool) -> None:
        """Send examples of every operation, for each role that is granted it."""
        usual = hypothesis_settings(
            max_examples=examples,
            derandomize=not at_random,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        with httpx.Client(timeout=60, trust_env=False) as http:
            for operation in _operations():
                for mode in MODES:
                    cases = operation.as_strategy(generation_mode=mode)
                    ask = usual(given(case=cases)(self._asking(http, operation.label)))
                    ask()

    def _asking(self, http: httpx.Client, coordinate: str) -> Any:
        shop, person = next(
            somebody for role, somebody in self._people.items() if role in GRANTS[coordinate]
        )
        headers = {
            "host": shop.host,
            "x-kameng-client": "tests",
            **(person.headers if person else {}),
        }

        def ask(case: Any) -> None:
            request = {"query": case.body}
            answer = http.post(f"{self._url}/graphql/", json=request, headers=headers)
            self.sent += 1
            codes = {
                (error.get("extensions") or {}).get("code")
                for error in answer.json().get("errors") or []
            }
            signed_out = answer.status_code == 401
            assert not signed_out or coordinate == "Mutation.signOut", "the token has ended"
            assert answer.status_code < 500, f"{case.body}\n{answer.text}"
            assert not codes & {"INTERNAL", None}, f"{case.body}\n{answer.text}"

        return ask
