"""Staff, programs and the storefront through the API: what is asked, answered and refused."""

from typing import Any

import asyncpg
import pytest

from isolation.api import Answer, Api
from isolation.neighbours import PASSWORD, Neighbourhood
from kernel import db
from kernel.settings import settings
from tenants import directory
from world import Person, ShopAt

pytestmark = pytest.mark.engines

INVITE = """mutation ($input: StaffInviteInput!) { staffInvite(input: $input) { __typename
  ... on StaffInvited { id token } ... on Problem { code message field } } }"""
ACCEPT = """mutation ($input: StaffInvitationAcceptInput!) { staffInvitationAccept(input: $input) {
  __typename ... on StaffSignedIn { token roles } ... on Problem { code message field } } }"""
SIGN_IN = """mutation ($input: StaffSignInInput!) { staffSignIn(input: $input) { __typename
  ... on StaffSignedIn { token roles expiresAt } ... on Problem { code message field } } }"""
REMOVE = """mutation ($input: StaffRemoveInput!) { staffRemove(input: $input) { __typename
  ... on StaffChanged { staff { id } } ... on Problem { code message field } } }"""
CREATE = """mutation ($input: ApiClientCreateInput!) { apiClientCreate(input: $input) { __typename
  ... on ApiClientSecret { clientId secret } ... on Problem { code message field } } }"""
UPDATE = """mutation ($input: ApiClientUpdateInput!) { apiClientUpdate(input: $input) { __typename
  ... on ApiClientsChanged { apiClients { id scopes allowedNetworks } }
  ... on Problem { code message field } } }"""
DRESS = """mutation ($input: StorefrontUpdateInput!) { storefrontUpdate(input: $input) { __typename
  ... on StorefrontUpdated { storefront { name brand logoUrl contacts { kind value }
      theme { accent } texts { locale kind text } } }
  ... on Problem { code message field } } }"""


async def do(api: Api, shop: ShopAt, text: str, by: Person | None = None, **wish: Any) -> Answer:
    return await api.ask(shop, text, {"input": wish}, by=by)


async def hired(town: Neighbourhood, api: Api, slug: str, account: str, *roles: str) -> Person:
    """Somebody who was invited and has accepted."""
    mine = town.at(slug)
    offer = {"account": account, "roles": list(roles)}
    made = await do(api, mine.shop, INVITE, mine.people["STAFF_OWNER"], **offer)
    token = made.accepted["token"]
    taken = await do(api, mine.shop, ACCEPT, token=token, password=PASSWORD, name="Ada")
    member = await town.owner.fetchval(
        "select staff_id from memberships where tenant_id = $1 order by joined_at desc limit 1",
        mine.shop.id,
    )
    return Person(member, taken.accepted["token"])


async def test_a_member_works_where_it_was_hired_and_sees_where_else(
    town: Neighbourhood, api: Api
) -> None:
    shop, rival = town.at("shop").shop, town.at("rival").shop
    ada = await hired(town, api, "shop", "ada@example.com", "SUPPORT")
    await hired(town, api, "rival", "ada@example.com", "READ_ONLY")
    found = await api.ask(shop, "{ myTenants { slug host roles } }", by=ada)
    assert found.accepted == [
        {"slug": "rival", "host": "rival.localhost", "roles": ["READ_ONLY"]},
        {"slug": "shop", "host": "shop.localhost", "roles": ["SUPPORT"]},
    ]
    assert (await api.ask(rival, "{ myTenants { slug } }", by=ada)).status == 401
    signed_in = await do(api, rival, SIGN_IN, account="ada@example.com", password=PASSWORD)
    assert signed_in.accepted["roles"] == ["READ_ONLY"]
    there = Person(ada.id, signed_in.accepted["token"])
    assert (await api.ask(rival, "{ tenant { slug } }", by=there)).accepted == {"slug": "rival"}


async def test_a_dismissed_member_is_out_with_the_next_request(
    town: Neighbourhood, api: Api
) -> None:
    mine = town.at("shop")
    ada = await hired(town, api, "shop", "ada@example.com", "SUPPORT")
    assert not (await api.ask(mine.shop, "{ tenant { slug } }", by=ada)).refused
    listed = (await api.ask(mine.shop, "{ staff { id account } }",
                            by=mine.people["STAFF_OWNER"])).accepted  # fmt: skip
    [member] = [one["id"] for one in listed if one["account"] == "ada@example.com"]
    left = await do(api, mine.shop, REMOVE, mine.people["STAFF_OWNER"], staffId=member)
    assert member not in {one["id"] for one in left.accepted["staff"]}
    assert (await api.ask(mine.shop, "{ tenant { slug } }", by=ada)).status == 401
    again = await do(api, mine.shop, SIGN_IN, account="ada@example.com", password=PASSWORD)
    assert again.codes == {"FORBIDDEN"}


async def test_a_member_signs_out(town: Neighbourhood, api: Api) -> None:
    shop = town.at("shop").shop
    ada = await hired(town, api, "shop", "ada@example.com", "SUPPORT")
    done = await api.ask(shop, "mutation { signOut { __typename } }", by=ada)
    assert done.accepted == {"__typename": "SignedOut"}
    assert (await api.ask(shop, "{ tenant { slug } }", by=ada)).status == 401


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("API_ORDERS_READ", "{ tenantOrders { edges { node { no } } } }"),
        ("API_CATALOGUE_READ", "{ catalogueToList { nodes { code } } }"),
        ("API_BALANCE_READ", "{ tenant { balances { trade { amountMinor } } } }"),
        ("API_PRICES_WRITE", "{ tenant { children { slug } } }"),
    ],
)
async def test_a_program_asks_for_what_its_scope_holds_and_for_nothing_else(
    town: Neighbourhood, api: Api, scope: str, granted: str
) -> None:
    mine = town.at("shop")
    made = await do(api, mine.shop, CREATE, mine.people["STAFF_OWNER"], name="Bot", scopes=[scope])
    bot = Person(mine.shop.id, made.accepted["secret"])
    assert not (await api.ask(mine.shop, granted, by=bot)).refused
    other = "API_WEBHOOKS_WRITE"
    changed = await do(
        api,
        mine.shop,
        UPDATE,
        mine.people["STAFF_OWNER"],
        clientId=made.accepted["clientId"],
        name="Bot",
        scopes=[other],
    )
    assert [other] in [one["scopes"] for one in changed.accepted["apiClients"]]
    assert (await api.ask(mine.shop, granted, by=bot)).codes == {"FORBIDDEN"}
    assert not (await api.ask(mine.shop, "{ storefront { name } }", by=bot)).refused


async def test_a_program_is_bound_to_the_address_that_the_proxy_vouches_for(
    town: Neighbourhood, api: Api
) -> None:
    mine = town.at("shop")
    made = await do(
        api,
        mine.shop,
        CREATE,
        mine.people["STAFF_OWNER"],
        name="Bot",
        scopes=["API_ORDERS_READ"],
        allowedNetworks=["203.0.113.0/24"],
    )

    async def status(forwarded: str) -> int:
        headers = {
            "host": mine.shop.host,
            "x-kameng-client": "tests",
            "authorization": f"Bearer {made.accepted['secret']}",
            "x-forwarded-for": forwarded,
        }
        text = {"query": "{ tenant { slug } }"}
        return (await api._http.post("/graphql/", json=text, headers=headers)).status_code

    assert await status("203.0.113.9") == 200
    assert await status("198.51.100.7") == 401
    assert await status("203.0.113.9, 198.51.100.7") == 401, "the client's own story"


async def test_at_the_platforms_own_address_networks_hold_too(
    town: Neighbourhood, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAMENG_API_HOST", "api.localhost")
    settings.cache_clear()
    mine = town.at("shop")
    made = await do(
        api,
        mine.shop,
        CREATE,
        mine.people["STAFF_OWNER"],
        name="Bot",
        scopes=["API_ORDERS_READ"],
        allowedNetworks=["203.0.113.0/24"],
    )
    answers = []
    for forwarded in ("203.0.113.9", "198.51.100.7"):
        headers = {
            "host": "api.localhost",
            "x-kameng-client": "tests",
            "authorization": f"Bearer {made.accepted['secret']}",
            "x-forwarded-for": forwarded,
        }
        answer = await api._http.post(
            "/graphql/", json={"query": "{ tenant { slug } }"}, headers=headers
        )
        answers.append(answer.status_code)
    assert answers == [200, 401]


async def test_a_storefront_is_shown_as_it_was_changed(town: Neighbourhood, api: Api) -> None:
    mine = town.at("shop")
    changed = await do(
        api,
        mine.shop,
        DRESS,
        mine.people["STAFF_CATALOGUE"],
        logoUrl="https://pictures.example/logo.png",
        theme={"light": {"accent": "#1f4fa3", "onAccent": "#ffffff"}},
        contacts=[{"kind": "TELEGRAM", "value": "@galaxy_kf"}],
        texts=[{"locale": "ENGLISH", "kind": "BRAND", "text": "Galaxy"}],
    )
    front = changed.accepted["storefront"]
    assert front == {
        "name": "shoptitle",
        "brand": "Galaxy",
        "logoUrl": "https://pictures.example/logo.png",
        "contacts": [{"kind": "TELEGRAM", "value": "galaxy_kf"}],
        "theme": {"accent": "#1f4fa3"},
        "texts": [{"locale": "ENGLISH", "kind": "BRAND", "text": "Galaxy"}],
    }
    shown = await api.ask(mine.shop, "{ storefront { brand logoUrl } }")
    assert shown.accepted == {"brand": "Galaxy", "logoUrl": front["logoUrl"]}
    cleared = await do(api, mine.shop, DRESS, mine.people["STAFF_OWNER"], logoUrl=None)
    assert cleared.accepted["storefront"] == {**front, "logoUrl": None}


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"logoUrl": "javascript:alert(1)"}, "logoUrl"),
        ({"theme": {"light": {"accent": "#ffff00", "onAccent": "#000000"}}}, "theme"),
        ({"contacts": [{"kind": "QQ", "value": "0"}]}, "contacts"),
        ({"contacts": [{"kind": "QQ", "value": "10001"}] * 11}, "contacts"),
        ({"texts": [{"locale": "ENGLISH", "kind": "BRAND", "text": "x\u202ey"}]}, "texts"),
        ({"name": "\u200b"}, "name"),
    ],
)
async def test_a_storefront_that_could_not_be_shown_is_refused(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection, wish: dict[str, Any], field: str
) -> None:
    mine = town.at("shop")
    refused = await do(api, mine.shop, DRESS, mine.people["STAFF_OWNER"], **wish)
    assert refused.codes == {"VALIDATION"}
    assert refused.data["field"] == field
    assert await owner.fetchval("select count(*) from storefronts") == 0
    assert await owner.fetchval("select count(*) from storefront_texts") == 0


async def test_a_storefront_costs_a_statement_once_and_only_if_it_is_asked(
    town: Neighbourhood, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "REMEMBER_SECONDS", 60.0)
    shop, by = town.at("shop").shop, town.at("shop").people["STAFF_OWNER"]

    async def statements(text: str) -> int:
        asked: list[str] = []
        token = db.statement_log.set(asked)
        try:
            assert not (await api.ask(shop, text, by=by)).refused
        finally:
            db.statement_log.reset(token)
        return len([sql for sql in asked if "access_tokens" not in sql and "tenants t" not in sql])

    cheap = "{ storefront { name locale currency supportContact open paymentMethods { code } } }"
    assert await statements(cheap) == 0
    assert [await statements("{ storefront { logoUrl brand } }") for _ in range(3)] == [1, 0, 0]
