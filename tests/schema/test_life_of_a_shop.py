"""What may be asked of a shop in each state of its life: every root field × every state."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from isolation.api import Answer, Api
from isolation.checksums import Witness, changed
from isolation.documents import document, root_fields, variables
from isolation.matrix import callers, signed_in_again
from isolation.neighbours import Neighbourhood
from isolation.slots import Ask, Caller, right_values
from schema.field_table import GRANTS
from schema.field_table.roles import (
    COUPON_ISSUERS,
    COUPON_READERS,
    OWN_COSTS,
    PRICE_EXPLAINED,
    PRICE_WRITERS,
)
from schema.life_table import OUTLIVES, SERVED, STATES
from tenant_tree import put_into
from tenants import directory
from tenants.life import STANDING, TenantStatus
from world import Person

RESTRICTED = "TENANT_RESTRICTED"
SHOP = "shop"

#: Said once more and by hand: a slip of the pen in the table is noticed here.
BY_HAND = {
    "Mutation.orderCreate": STANDING,
    "Mutation.quickBuy": STANDING,
    "Mutation.paymentStart": STANDING,
    "Mutation.walletTopUp": STANDING,
    "Mutation.refundCreate": STANDING | {"SUSPENDED", "CLOSING", "CLOSED"},
    "Mutation.keyReveal": STANDING | {"SUSPENDED", "CLOSING", "CLOSED"},
    "Mutation.childTenantInvite": STANDING,
    "Mutation.domainAdd": STANDING,
    "Mutation.storefrontUpdate": set(TenantStatus) - {"APPLIED", "REJECTED", "CLOSED"},
    "Mutation.webhookUpsert": set(TenantStatus) - {"APPLIED", "REJECTED", "CLOSED"},
    "Mutation.tenantApplyAgain": {"REJECTED"},
    "Mutation.tenantSuspend": set(TenantStatus),
    "Query.storefront": set(TenantStatus),
    "Query.products": STANDING | {"SUSPENDED", "CLOSING"},
    "Query.order": STANDING | {"SUSPENDED", "CLOSING", "CLOSED"},
}


def test_every_root_field_says_in_which_states_it_may_be_asked_for() -> None:
    assert set(STATES) == {root.coordinate for root in root_fields()}
    assert all(states and states <= set(TenantStatus) for states in STATES.values())


@pytest.mark.parametrize("coordinate", BY_HAND)
def test_what_matters_is_granted_as_said_here(coordinate: str) -> None:
    assert STATES[coordinate] == BY_HAND[coordinate]


def test_whoever_has_only_applied_is_told_no_cost_and_no_code_and_guesses_none() -> None:
    told = (OWN_COSTS, PRICE_EXPLAINED, PRICE_WRITERS, COUPON_READERS, COUPON_ISSUERS)
    asked = {root.coordinate for root in root_fields() if GRANTS[root.coordinate] in told}
    assert {"Query.priceExplain", "Query.coupons", "Mutation.priceListImport"} < asked
    open_to_all = {one for one in asked if "APPLIED" in STATES[one]}
    assert open_to_all == set(), open_to_all


def test_a_shop_that_is_over_serves_less_than_one_that_stands() -> None:
    assert STANDING < SERVED < OUTLIVES < set(TenantStatus)


@pytest.fixture
async def shop_callers(town: Neighbourhood) -> AsyncIterator[list[Caller]]:
    """Everybody at the shop."""
    yield [caller for caller in callers(town) if caller.shop.slug == SHOP]
    directory.forget()


@pytest.mark.engines
@pytest.mark.sweep
async def test_every_field_in_every_state_is_answered_as_the_table_says(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection, shop_callers: list[Caller]
) -> None:
    witness = await Witness.of(owner)
    for status in TenantStatus:
        await put_into(owner, town.at(SHOP).shop.id, status)
        directory.forget()
        for ask in _one_ask_for_each(town, shop_callers):
            by = ask.caller.person
            if ask.root.name == "signOut":  # else nobody would be signed in afterwards
                by = await signed_in_again(town, ask.caller)
            before = await witness.everything()
            answer = await _send(api, ask, by)
            is_allowed = status in STATES[ask.root.coordinate]
            said_no = RESTRICTED in answer.codes and "in its state" in answer.text
            assert said_no is not is_allowed, (ask.root.coordinate, status, answer.text)
            if said_no:
                assert changed(before, await witness.everything()) == set(), ask.root.coordinate
            else:
                await put_into(owner, town.at(SHOP).shop.id, status)
                directory.forget()


def _one_ask_for_each(town: Neighbourhood, callers_: list[Caller]) -> list[Ask]:
    """Each root field once, by somebody at the shop whom the field table grants it."""
    asks = []
    for root in root_fields():
        caller = next((one for one in callers_ if one.role in GRANTS[root.coordinate]), None)
        if caller is not None:
            asks.append(Ask(town, root, caller))
    assert len(asks) > len(root_fields()) - 3  # a supplier is never at a shop
    return asks


async def _send(api: Api, ask: Ask, by: Person | None) -> Answer:
    given = variables(ask.root, right_values(ask))
    role = ask.caller.role
    text = document(ask.root, given, lambda name: role in GRANTS.get(name, frozenset()))
    send = api.watch if ask.root.operation == "subscription" else api.ask
    return await send(ask.caller.shop, text, given, by=by)


@pytest.mark.engines
async def test_one_caller_meets_every_refusal_as_data_or_as_an_error(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> None:
    shop = town.at(SHOP)
    await put_into(owner, shop.shop.id, "CLOSED")
    directory.forget()
    closed = await api.ask(shop.shop, "{ storefront { name open } }")
    assert closed.accepted == {"name": "shoptitle", "open": False}
    products = await api.ask(shop.shop, "{ products { edges { node { slug } } } }")
    assert products.codes == {RESTRICTED}
    assert products.data is None
    invite = """mutation { childTenantInvite(input: {}) { __typename
                ... on Problem { code message field } } }"""
    refused = await api.ask(shop.shop, invite, by=shop.people["STAFF_OWNER"])
    assert refused.data["code"] == RESTRICTED
    assert not refused.body.get("errors")
