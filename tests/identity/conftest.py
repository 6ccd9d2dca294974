"""Two shops side by side, without anybody in them."""

import asyncpg
import pytest

from kernel.settings import Settings
from two_tenants import Shops, two_shops


@pytest.fixture
async def shops(database: Settings, owner: asyncpg.Connection) -> Shops:
    """Two shops to sign in to."""
    return await two_shops(owner)
