"""Fixtures: three levels of shops that nobody remembers."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from kernel.settings import Settings
from tenant_tree import Tree
from tenants import directory
from world import build_world


@pytest.fixture
async def tree(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[Tree]:
    """Root, agent and shop, and room for more."""
    directory.forget()
    yield Tree(await build_world(owner, keys=0))
    directory.forget()
