"""Writing a change of prices: checked first, then written in a moment, or checked again.

The check may look at ten thousand SKUs, so it holds no lock. Who writes takes the tenant's row,
sees whether the shop's own version is still the one that was checked, and writes; two changes that
are each right and wrong together can therefore not both be written.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from kernel import db
from offers.price_desk.changes import Change
from offers.price_desk.guarding import RestlessPrices, require_guards
from offers.price_desk.own_rules import OwnRules, own_version, read_own_rules
from tenants.directory import Shop
from tenants.versions import VERSIONS_OF_PATH

TURNS: Final = 8
"""How often a change is checked anew because another one was written meanwhile."""

Written = TypeVar("Written")


async def write_guarded(
    shop: Shop,
    *,
    change_of: Callable[[OwnRules], Change],
    write: Callable[[Change], Awaitable[Written]],
) -> Written:
    """Make a change out of the shop's rules, check it, and write it in one transaction.

    `change_of` is asked again when the rules have changed meanwhile, and may refuse. Raises what
    `require_guards` raises, and then nothing is written.
    """
    for _ in range(TURNS):
        before = await read_own_rules(shop)
        change = change_of(before)
        with suppress(RestlessPrices):
            await require_guards(shop, change, before)
            async with db.transaction(db.core_scope(shop.id, path=shop.path)):
                await require_version(shop, before.version)
                return await write(change)
    raise RestlessPrices("The prices were changed meanwhile: try again.")


async def require_version(shop: Shop, version: int) -> None:
    """Take the shop's turn in the open transaction; `RestlessPrices` at another version."""
    await db.execute("select from tenants where id = $1 for no key update", shop.id)
    # A statement of its own: it must see what the one before has waited for.
    row = await db.fetch_row(f"select {VERSIONS_OF_PATH} as versions", list(shop.path))
    assert row is not None
    if own_version(row) != version:
        raise RestlessPrices("The prices were changed meanwhile: try again.")
