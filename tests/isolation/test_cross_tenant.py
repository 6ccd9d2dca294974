"""No shop sees or touches what is another's, whatever it asks for: generated from the schema.

The same run is made with each of the two fences down, and with both: a check that has never been
seen to find anything proves nothing.
"""

from collections.abc import Iterable
from typing import Any

import asyncpg
import pytest

from isolation import slots
from isolation.api import Answer, Api
from isolation.documents import leaves_of, object_types, root_fields
from isolation.matrix import (
    Case,
    any_kind_cases,
    first_cases,
    foreign_cases,
    nobodys_case,
    own_cases,
    run,
    said_back,
    send,
)
from isolation.neighbours import Neighbourhood
from kernel import db
from kernel.errors import NotFound
from kernel.statements import Statement
from offers import own_prices
from offers.own_prices import OwnPrice
from offers.shelf import ProductRow
from orders import queries, records
from schema import desks
from schema.field_table import GRANTS
from schema.field_table.roles import EVERYONE

pytestmark = pytest.mark.engines

#: Without a channel nothing can be paid by card.
NEEDS_A_CHANNEL = {
    "Mutation.paymentStart",
    "Mutation.tradeBalanceTopUp",
    "Mutation.payoutMethodLink",
    "Mutation.depositTopUp",
    "Mutation.instalmentStart",
    "Mutation.instalmentPay",
}
#: The platform's own shop has no other mode, and puts nothing down.
NEEDS_A_PARENT = {
    "Mutation.settlementModeSet",
    "Mutation.depositPutDown",
    "Query.deposit",
    "Query.depositHolds",
}
#: Without a DNS nothing can be proved.
NEEDS_A_DNS = {"Mutation.domainVerify"}
#: The platform's own shop has no such life.
NOT_OF_THE_ROOT = {"Mutation.tenantCloseRequest", "Mutation.tenantApplyAgain"}
#: By which a shop may decide what else an operator does.
NEEDS_A_POLICY = {"Mutation.keyReplace"}
OF_ONE_ORDER = {
    "Query.order",
    "Mutation.orderCancel",
    "Mutation.paymentRefresh",
    "Mutation.keyReveal",
    "Mutation.keysExport",
    "Mutation.unrevealedReturn",
    "Mutation.refundCreate",
    "Mutation.keyReplace",
    "Subscription.orderUpdated",
}


@pytest.mark.statements
async def test_each_field_is_reached_by_whoever_may_first(town: Neighbourhood, api: Api) -> None:
    report = await run(town, api, first_cases(town))
    assert report.covered == {root.coordinate for root in root_fields()}
    assert report.crashes == []
    assert report.leaks == []


@pytest.mark.sweep
async def test_right_requests_reach_every_field_and_every_type(
    town: Neighbourhood, api: Api
) -> None:
    report = await run(town, api, own_cases(town))
    assert report.covered == {root.coordinate for root in root_fields()}
    assert report.types == object_types()
    assert report.refused == (
        NEEDS_A_CHANNEL | NEEDS_A_PARENT | NEEDS_A_DNS | NOT_OF_THE_ROOT | NEEDS_A_POLICY
    )
    assert report.crashes == []
    assert report.leaks == []


@pytest.mark.sweep
async def test_foreign_values_reach_nothing_of_another_shop(town: Neighbourhood, api: Api) -> None:
    report = await run(town, api, foreign_cases(town))
    assert report.covered == {root.coordinate for root in root_fields()}
    assert report.crashes == []
    assert report.leaks == []


@pytest.mark.soak
async def test_foreign_values_of_any_kind_reach_nothing_anywhere(
    town: Neighbourhood, api: Api
) -> None:
    report = await run(town, api, any_kind_cases(town))
    assert report.cases > 2_000
    assert report.crashes == []
    assert report.leaks == []


@pytest.mark.sweep
async def test_a_foreign_thing_and_no_thing_at_all_are_answered_alike(
    town: Neighbourhood, api: Api
) -> None:
    assert await _compare(town, api, foreign_cases(town, shops=["shop"])) > 100


@pytest.mark.sweep
async def test_the_application_alone_keeps_shops_apart(
    town: Neighbourhood, owner: asyncpg.Connection, api: Api
) -> None:
    await _lower_the_database_fence(owner)
    assert await _compare(town, api, foreign_cases(town, roots=["Mutation.signIn"])) > 0
    report = await run(town, api, foreign_cases(town, shops=["shop"]))
    assert report.crashes == []
    assert report.leaks == []


async def test_row_level_security_alone_keeps_shops_apart(
    town: Neighbourhood, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget_the_tenant(monkeypatch)
    report = await run(town, api, foreign_cases(town, roots=OF_ONE_ORDER, shops=["shop"]))
    assert report.leaks == []


async def test_with_both_fences_down_the_check_reports_what_leaks(
    town: Neighbourhood, owner: asyncpg.Connection, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _lower_the_database_fence(owner)
    _forget_the_tenant(monkeypatch)
    report = await run(town, api, foreign_cases(town, roots=OF_ONE_ORDER, shops=["shop"]))
    assert report.leaking == OF_ONE_ORDER
    assert any("changed" in leak for leak in report.leaks)


async def test_a_cost_that_everybody_is_granted_is_reported(
    town: Neighbourhood, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for field in ("Query.catalogueToList", "OwnPriceConnection.nodes", "OwnPrice.cost"):
        monkeypatch.setitem(GRANTS, field, EVERYONE)
    report = await run(town, api, own_cases(town, roots=["Query.catalogueToList"]))
    assert report.leaking == {"Query.catalogueToList"}
    for reader in ("ANONYMOUS", "CUSTOMER", "STAFF_SUPPORT", "AFFILIATE"):
        leak = f"Query.catalogueToList by {reader} at shop: its own -> amount"
        assert any(found.startswith(leak) for found in report.leaks)


async def test_an_ancestors_cost_among_the_shops_own_prices_is_reported(
    town: Neighbourhood, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parents_prices(rows: Iterable[ProductRow]) -> list[OwnPrice]:
        honest = own_prices.own_prices(rows)
        cost_minor = town.cost_minor(town.at("agent").shop)
        return [OwnPrice(**{**_fields(price), "cost_minor": cost_minor}) for price in honest]

    monkeypatch.setattr(desks, "own_prices", parents_prices)
    report = await run(town, api, own_cases(town, roots=["Query.catalogueToList"]))
    assert report.leaking == {"Query.catalogueToList"}
    assert any("STAFF_OWNER at shop" in leak for leak in report.leaks)


def test_every_input_says_how_it_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = [leaf for root in root_fields() for leaf in leaves_of(root)]
    assert all(slots.slot_of(leaf) for leaf in leaves)
    forgotten = next(
        leaf for leaf in leaves if (leaf.root.name, leaf.name) == ("unrevealedReturn", "lineId")
    )
    without = {name: slot for name, slot in slots.SLOTS.items() if name != "lineId"}
    monkeypatch.setattr(slots, "SLOTS", without)
    with pytest.raises(AssertionError, match=r"unrevealedReturn\(input\.lineId\)"):
        slots.slot_of(forgotten)


async def _compare(town: Neighbourhood, api: Api, cases: Iterable[Case]) -> int:
    """Each request with the foreign value, then with one that is nobody's; returns how many."""
    compared = 0
    for case in cases:
        if (nobodys := nobodys_case(town, case)) is not None:
            foreign, none = await send(town, api, case), await send(town, api, nobodys)
            assert _told(foreign, case) == _told(none, nobodys), str(case)
            assert foreign.status == none.status, str(case)
            compared += 1
    return compared


def _told(answer: Answer, case: Case) -> str:
    """What an answer tells beside the codes that it says back, and the second of a quote."""
    body = answer.without_ids
    quote = (body.get("data") or {}).get("quote")
    if quote and quote.get("id"):
        body = {**body, "data": {"quote": {**quote, "id": "QUOTE", "expiresAt": "LATER"}}}
    text = str(body)
    for code in said_back(case):
        text = text.replace(code, "CODE")
    return text


async def _lower_the_database_fence(owner: asyncpg.Connection) -> None:
    """Every policy of every table, out of force."""
    fenced = await owner.fetch("select relname from pg_class where relrowsecurity")
    assert len(fenced) > 10
    for row in fenced:
        await owner.execute(f"alter table {row['relname']} disable row level security")


def _forget_the_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders are looked up by their number alone, and shown to whoever asks."""

    async def any_order(no: str, viewer: records.Viewer, *, lock: bool = False) -> records.Order:
        row = await db.fetch_row(records._ORDER.format(which="no = $1", lock=""), no)
        if row is None:
            raise NotFound("There is no such order.", field="orderNo")
        return records._order(row)

    monkeypatch.setattr(records, "order_by_no", any_order)
    anyones = queries._ORDERS.replace(
        "tenant_id = :tenant_id::uuid", ":tenant_id::uuid is not null"
    )
    assert anyones != queries._ORDERS
    for name, which in (
        ("ONE_BY_ID", "id = :order_id::uuid"),
        ("ONE_OF_VIEWER", "no = :order_no::text"),
    ):
        found = Statement(anyones.format(which=which, limit="1"))
        monkeypatch.setattr(queries, name, found)


def _fields(price: OwnPrice) -> dict[str, Any]:
    return {name: getattr(price, name) for name in OwnPrice.__slots__}
