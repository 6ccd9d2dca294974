"""Whatever happens to sales, in whatever order: money is never made or lost.

A machine builds a random tree of shops with random goods and prices, then lets buyers, staff, the
channel, the clock and the worker act at random. After every step the whole database is examined.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import accounts, ledger, polling
from billing.payment_methods.base import ChannelReport
from entrypoints.verify import verify
from kernel import db, valkey
from kernel.errors import Refusal
from kernel.ids import new_id
from kernel.settings import Settings
from offers.quotes import Wish
from orders import channel_calls, paying, settlement
from sales import Purchase, SalesDesk, channels_in_memory, key, provider_ref
from world import Goods, Person, ShopAt, World, plant_goods, plant_tenant

pytestmark = pytest.mark.engines

EVERYTHING_BUT_MIGRATIONS = """
    select string_agg(quote_ident(relname), ', ') from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like '%migration%'
"""
WHAT_IS_WRITTEN = """
    select (select count(*) from orders), (select coalesce(sum(version), 0) from orders),
           (select count(*) from payments), (select count(*) from refunds),
           (select count(*) from ledger_entries), (select count(*) from delivered_keys),
           (select count(*) from key_reveals), (select count(*) from idempotency_records),
           (select md5(string_agg(id || status || coalesce(held_by_line_id::text, ''), ''
                                  order by id)) from keys)
"""
FAULTS = ("SUPPLIER_FAULT", "SHOP_FAULT", "CHANGE_OF_MIND")
PAID_FOR = ("SETTLED", "LATE_SETTLED", "TOPPED_UP", "REFUNDING")
choice = st.integers(0, 2**16)


@dataclass
class Stage:
    """What all runs of the machine share: a loop, a database, and a count of what succeeded."""

    runner: asyncio.Runner
    owner: asyncpg.Connection
    config: Settings
    done: Counter[str] = field(default_factory=Counter)

    def run[T](self, what: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(what)


@contextmanager
def stage_of(config: Settings) -> Iterator[Stage]:
    """The product's pools and an owner's connection in a loop of their own."""
    with asyncio.Runner() as runner, channels_in_memory():
        owner = runner.run(asyncpg.connect(config.database_url))
        runner.run(db.connect(config))
        try:
            yield Stage(runner, owner, config)
        finally:
            runner.run(valkey.close())
            runner.run(db.disconnect())
            runner.run(owner.close())


