"""A world without keys, and the desk where money goes out of it."""

import asyncpg
import pytest

from kernel.settings import Settings
from payout_desk import PayoutDesk, earn
from world import build_world


@pytest.fixture
async def desk(database: Settings, owner: asyncpg.Connection) -> PayoutDesk:
    """A shop with 50,000.00 to ask for."""
    desk = await PayoutDesk.of(await build_world(owner, keys=0))
    await earn(desk.party)
    return desk
