"""What a process of the product remembers between requests, emptied: the database that it was
read from is another one."""

from identity import tokens
from identity.client_uses import client_uses
from kernel import valkey
from offers import foreign_supply, price_memory
from offers.assortment import assortments
from supply.holding import hints
from tenants import directory, price_books
from tenants.storefronts import showing


async def forget_everything() -> None:
    """Be as a process that has just started, beside a cache that was lost."""
    for forget in (
        assortments.forget,
        client_uses.forget,
        directory.forget,
        foreign_supply.forget,
        hints.forget,
        price_books.forget,
        price_memory.forget,
        showing._known.clear,
        tokens.forget_tokens,
    ):
        forget()
    await valkey.client().flushdb()
