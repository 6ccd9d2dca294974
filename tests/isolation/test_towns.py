"""The town that is put back is the town that was built."""

import asyncpg

from isolation.api import Api
from isolation.checksums import Witness, changed
from isolation.neighbours import CREATE, Neighbourhood
from isolation.towns import Towns
from kernel.ids import new_id


async def test_a_town_put_back_is_as_nobody_had_asked_anything_of_it(
    towns: Towns, town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> None:
    witness, rival = await Witness.of(owner), town.at("rival")
    before = await witness.everything()
    wish = {"input": {"quoteId": rival.quote_id, "idempotencyKey": new_id().hex}}
    first = await api.ask(rival.shop, CREATE, wish)
    await owner.execute("update tenants set name = 'changed'")
    rival.people.clear()
    assert {"orders", "tenants"} <= changed(before, await witness.everything())

    again = await towns.town(owner, api)

    assert changed(before, await witness.everything()) == set()
    assert again.at("rival").people.keys() >= {"CUSTOMER", "STAFF_OWNER"}
    second = await api.ask(rival.shop, CREATE, wish)
    assert second.accepted["order"]["total"] == first.accepted["order"]["total"]
    assert second.accepted["order"]["no"] != first.accepted["order"]["no"]
