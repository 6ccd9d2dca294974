"""Answers about the public catalogue are given again while they are true, and not a moment longer.

Every change of something that an answer shows is made in the database and must be in the answer
within a second; what the answer should be is asked of an application that keeps nothing.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from entrypoints.asgi import create_app
from entrypoints.response_cache import CacheKey, ResponseCache, cache
from entrypoints.response_cache.memory import Entries
from kernel import clock, db, listening
from kernel.settings import Settings
from offers import assortment, remembered_pages
from offers.known_stock import KNOWN_SECONDS
from patience import PATIENCE_SECONDS, until
from processes import Process, environment, free_port
from supply.stock_news import announce_stock
from tenants import directory
from world import ShopAt, World, build_world

pytestmark = pytest.mark.engines

EVERYTHING = """{
  storefront { name locale currency supportContact open paymentMethods { code label }
    brand logoUrl contacts { kind value } }
  categories { id slug name }
  products(first: 5) {
    edges { cursor node {
      id slug name description platform categoryId price { amount { formatted } }
      stock { quantity more }
      skus { id code name faceValue { formatted } region deliveryMode scopeOfUse validityDays
             usageRules redeemSteps maxPerOrder price { amount { amountMinor currency } }
             stock { quantity more }
             offers { id price { amountMinor } stock { quantity } warrantyHours sold
                      reliabilityBp typicalSeconds badges }
             quantityPrices { fromQuantity unitPrice { amountMinor } } }
    } }
    pageInfo { hasNextPage endCursor }
  }
}"""
NAMES = "{ products(first: 10) { edges { node { name } } } }"
PRICE = "{ products { edges { node { price { amount { amountMinor } } } } } }"
SHIPPED_STOCK_SECONDS = cache.STOCK_SECONDS
SEEN_WITHIN_SECONDS = 1.0
CHANGES_AT_MOST = 10
"""So many are made to find the least time after which one is seen: the others met a busy
neighbour."""


@asynccontextmanager
async def serving(config: Settings) -> AsyncIterator[Any]:
    """The web process's application, started and stopped as a server does."""
    application = create_app(config)
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()

    async def live() -> None:
        scope = {"type": "lifespan", "asgi": {}, "state": {}}
        await application(scope, inbox.get, outbox.put)

    life = asyncio.create_task(live())
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    yield application
    await inbox.put({"type": "lifespan.shutdown"})
    assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
    await life


@pytest.fixture
async def world(owner: asyncpg.Connection) -> World:
    """Three levels of shops, and five keys of one SKU."""
    directory.forget()
    return await build_world(owner, keys=5)


class Guest:
    """Somebody without a token, at one shop of one application."""

    def __init__(self, application: Any, at: ShopAt) -> None:
        transport = httpx.ASGITransport(application)
        self.http = httpx.AsyncClient(transport=transport, base_url=f"http://{at.host}")

    async def asks(
        self,
        document: str = EVERYTHING,
        *,
        variables: Any = None,
        **headers: str,
    ) -> bytes:
        """The answer's bytes."""
        response = await self.http.post(
            "/graphql/",
            json={"query": document, "variables": variables},
            headers={"x-kameng-client": "tests", **headers},
        )
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return response.content

    async def costs(self, document: str = EVERYTHING, **asked_with: Any) -> int:
        """How many statements asking costs."""
        asked: list[str] = []
        token = db.statement_log.set(asked)
        try:
            await self.asks(document, **asked_with)
        finally:
            db.statement_log.reset(token)
        return len(asked)

    async def until_kept(self, document: str = EVERYTHING) -> bytes:
        """Ask until the answer comes without a statement."""
        await until(lambda: self.costs(document), lambda statements: statements == 0)
        return await self.asks(document)

    async def sees(self, expected: bytes, document: str = EVERYTHING) -> float:
        """The seconds until the answer is the expected one."""
        started = time.monotonic()
        await until(lambda: self.asks(document), lambda answer: answer == expected)
        return time.monotonic() - started


@pytest.fixture
async def guest(
    config: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Guest]:
    """A guest of the shop whose answers are kept. Both they and the shop itself are remembered for
    longer than any test takes, so that nothing but an announcement ends them."""
    monkeypatch.setattr(directory, "REMEMBER_SECONDS", 2 * PATIENCE_SECONDS)
    monkeypatch.setattr(cache, "STOCK_SECONDS", 2 * PATIENCE_SECONDS)
    monkeypatch.setattr(listening, "ANSWER_SECONDS", PATIENCE_SECONDS)
    async with serving(config) as application:
        found = Guest(application, world.shop)
        yield found
        await found.http.aclose()
    directory.forget()


@pytest.fixture
async def truth(
    guest: Guest, config: Settings, world: World
) -> AsyncIterator[Callable[..., Awaitable[bytes]]]:
    """What an application answers that keeps nothing; asked at another of the shop's addresses, so
    that it teaches nobody what the shop is now."""
    uncached = create_app(config.model_copy(update={"response_cache_bytes": 0}))
    await world.owner.execute(
        """insert into tenant_domains (tenant_id, id, host, kind, verified_at)
           values ($1, gen_random_uuid(), 'truth.localhost', 'CUSTOM', now())""",
        world.shop.id,
    )
    asker = Guest(uncached, replace(world.shop, slug="truth"))

    async def ask(document: str = EVERYTHING) -> bytes:
        directory._remembered.pop("truth.localhost", None)
        return await asker.asks(document)

    yield ask
    await asker.http.aclose()


async def test_what_was_asked_once_is_answered_again_without_a_statement(guest: Guest) -> None:
    first = await guest.until_kept()
    assert b'"errors"' not in first and b'"quantity":5' in first.replace(b" ", b"")
    for _ in range(3):
        assert await guest.costs() == 0
        assert await guest.asks() == first


SKU_RULES = (
    "insert into price_rules (tenant_id, id, audience, scope, target_id, kind, value)"
    " values ('{tenant}', gen_random_uuid(), '{audience}', '{scope}', {target}, '{kind}', {value})"
)


def _rule(tenant: str, audience: str, scope: str, target: str, kind: str, value: int) -> str:
    return SKU_RULES.format(
        tenant=f"{{{tenant}}}",
        audience=audience,
        scope=scope,
        target=f"'{{{target}}}'" if target != "null" else "null",
        kind=kind,
        value=value,
    )


def _for(
    tenant: str, audience: str, for_kind: str, for_id: str, *, value: int, least: int = 1
) -> str:
    """A price of the SKU for somebody."""
    return (
        "insert into price_rules (tenant_id, id, audience, scope, target_id, kind, value, for_kind,"
        f" for_id, min_quantity) values ('{{{tenant}}}', gen_random_uuid(), '{audience}', 'SKU',"
        f" '{{sku}}', 'ABSOLUTE', {value}, '{for_kind}', {for_id}, {least})"
    )


# Each row changes the answer; the names in braces are the world's ids.
CHANGES = [
    *(
        f"update price_rules set value = value + 10 where tenant_id = '{{{tenant}}}'"
        f" and audience = '{audience}'"
        for tenant, audience in (
            ("root", "WHOLESALE"),
            ("agent", "WHOLESALE"),
            ("shop", "RETAIL"),
        )
    ),
    _rule("shop", "RETAIL", "SKU", "sku", "ABSOLUTE", 11_111),
    _rule("shop", "RETAIL", "CATEGORY", "category", "FIXED_OVER_COST", 2_222),
    _rule("agent", "WHOLESALE", "SKU", "sku", "FIXED_OVER_COST", 777),
    _rule("root", "WHOLESALE", "CATEGORY", "category", "FIXED_OVER_COST", 333),
    "update price_rules set rounding = 'ENDING_9', unit_minor = 10 where tenant_id = '{shop}'",
    "delete from price_rules where tenant_id = '{shop}'",
    "insert into price_limits values ('{root}', '{sku}', 50000, null)",
    "insert into price_limits values ('{shop}', '{sku}', null, 100)",
    "insert into tenant_listings values ('{shop}', '{sku}', false)",
    "insert into tenant_listings values ('{agent}', '{sku}', false)",
    "insert into tenant_listings values ('{root}', '{sku}', false)",
    "insert into tenant_listings values ('{shop}', '{sku}', true, 'another title')",
    "insert into tenant_listings select '{shop}', id, true, null, 3 from skus"
    " order by code desc limit 1",
    "insert into affiliate_programs (tenant_id, id, name, rate_bp)"
    " values ('{shop}', gen_random_uuid(), 'program', 5000)",
    "update supplier_listings set supply_price_minor = 8300",
    "update supplier_listings set min_retail_minor = 90000",
    "update supplier_listings set max_retail_minor = 100",
    "update supplier_listings set warranty_hours = 240",
    "update supplier_listings set status = 'PAUSED'",
    "update supplier_listings set currency = 'USD'",
    "insert into offer_figures (listing_id, sold, faults, typical_seconds)"
    " select id, 30, 1, 10 from supplier_listings where sku_id = '{sku}'",
    "update suppliers set status = 'SUSPENDED'",
    "with other as (insert into suppliers (id, name) values (gen_random_uuid(), 'other')"
    " returning id)"
    " insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency)"
    " select gen_random_uuid(), other.id, '{sku}', 7900, 'CNY' from other",
    "update skus set name_zh = '别的', name_en = 'other'",
    "update skus set status = 'ARCHIVED'",
    "update skus set max_per_order = 7, region = 'EU', usage_rules_zh = array['one']",
    "update skus set face_value_minor = 12345, face_currency = 'CNY'",
    "update products set name_zh = '别的', name_en = 'other'",
    "update products set description_zh = '说明'",
    "update products set status = 'ARCHIVED'",
    "update products set position = 99",
    "update categories set name_zh = '别的'",
    "update categories set slug = 'other'",
    "update tenants set name = 'other' where id = '{shop}'",
    "update tenants set locale = 'en' where id = '{shop}'",
    "update tenants set currency = 'USD' where id = '{shop}'",
    "update tenants set support_contact = 'other' where id = '{shop}'",
    "update tenants set payment_methods = array['CARD'] where id = '{shop}'",
    "insert into storefronts (tenant_id, id, logo_url)"
    " values ('{shop}', gen_random_uuid(), 'https://pictures.example/logo.png')",
    "insert into storefront_texts values ('{shop}', 'zh-CN', 'BRAND', '别的店')",
    "insert into storefront_contacts values ('{shop}', 1, 'QQ', '12345')",
    "update tenants set status = 'RESTRICTED', orders_stopped = true where id = '{shop}'",
    "update tenants set status = 'SUSPENDED' where id = '{agent}'",
    "update tenants set status = 'SUSPENDED' where id = '{root}'",
    "update tenants set min_margin_minor = 100000 where id = '{agent}'",
    "update tenants set max_markup_bp = 1 where id = '{root}'",
    "update tenants set max_markup_bp = 1 where id = '{shop}'",
    "insert into sandbox_clock (shift) values ('400 days')",
    _for("shop", "RETAIL", "EVERYONE", "null", value=10_900, least=10),
    _for("agent", "WHOLESALE", "CHILD", "'{shop}'", value=8_700),
    "insert into agent_grades (tenant_id, id, name, rank) values ('{agent}', '{sku}', 'gold', 1);"
    + _for("agent", "WHOLESALE", "GRADE", "'{sku}'", value=8_700)
    + "; update tenants set grade_id = '{sku}' where id = '{shop}'",
    "insert into promotions (tenant_id, id, name) values ('{shop}', '{sku}', 'sale');"
    + _for("shop", "RETAIL", "PROMOTION", "'{sku}'", value=10_500),
    "update tenants set earning_depth = 0 where id = '{root}'",
    _rule("root", "RETAIL", "SKU", "sku", "ABSOLUTE", 9_000)
    + "; update tenants set cumulative_cap_bp = 1 where id = '{root}'",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_anything_that_is_shown_is_seen_at_once(
    world: World, guest: Guest, truth: Callable[..., Awaitable[bytes]], change: str
) -> None:
    await world.owner.execute("update keys set expires_at = now() + interval '30 days'")
    before = await guest.until_kept()
    assert before == await truth()
    ids = {"root": world.root.id, "agent": world.agent.id, "shop": world.shop.id}
    await world.owner.execute(
        change.format(**ids, sku=world.goods.sku_id, category=world.category_id)
    )
    after = await truth()
    if "position" not in change:  # of a single product, only its cursor changes
        assert after != before
    await guest.sees(after)
    assert await guest.until_kept() == after


async def test_a_price_that_begins_or_ends_by_itself_does_so_in_what_is_kept(
    world: World, guest: Guest, truth: Callable[..., Awaitable[bytes]]
) -> None:
    """The shop is remembered for longer than the test takes, and nobody announces anything."""
    opens, closes = [
        await world.owner.fetchval("select now() + make_interval(secs => $1)", seconds)
        for seconds in (2.0, 4.0)
    ]
    await world.asks(world.shop, 10_500, starts_at=opens, ends_at=closes)
    answers = [await guest.until_kept(PRICE)]
    for moment in (opens, closes):

        async def passed(moment: Any = moment) -> bool:
            return bool(await world.owner.fetchval("select now() >= $1", moment))

        await until(passed)
        answers.append(await guest.asks(PRICE))
        assert answers[-1] == await truth(PRICE), "from the instant on"
        assert await guest.until_kept(PRICE) == answers[-1] or moment is opens
    assert b"10500" in answers[1] and b"11000" in answers[0]
    assert answers[2] == answers[0]


async def test_a_customers_own_price_is_given_to_nobody_else(world: World, guest: Guest) -> None:
    tier, buyer, other = (
        await world.tier(world.shop),
        await world.customer(),
        await world.customer(),
    )
    await world.asks(world.shop, 10_500, for_kind="TIER", for_id=tier)
    await world.asks(world.shop, 10_100, for_kind="CUSTOMER", for_id=other.id)
    await world.owner.execute(
        "update customers set given_tier_id = $1 where id = $2", tier, buyer.id
    )
    everybodys = await guest.until_kept(PRICE)
    assert b"11000" in everybodys
    for _ in range(2):
        assert b"10500" in await guest.asks(PRICE, **buyer.headers)
        assert b"10100" in await guest.asks(PRICE, **other.headers)
        assert await guest.asks(PRICE) == everybodys
        assert await guest.costs(PRICE) == 0
        assert await guest.costs(PRICE, **buyer.headers) > 0
    await world.owner.execute("update products set position = 5")  # everything is made anew
    assert b"10500" in await guest.asks(PRICE, **buyer.headers)
    assert await guest.until_kept(PRICE) == everybodys


async def test_a_change_is_seen_within_a_second(
    world: World, guest: Guest, truth: Callable[..., Awaitable[bytes]]
) -> None:
    seen_after_seconds = []
    for number in range(CHANGES_AT_MOST):
        await guest.until_kept()
        await world.owner.execute("update products set name_zh = $1", f"name {number}")
        seen_after_seconds.append(await guest.sees(await truth()))
        if seen_after_seconds[-1] < SEEN_WITHIN_SECONDS:
            break
    assert min(seen_after_seconds) < SEEN_WITHIN_SECONDS


async def test_a_change_elsewhere_ends_nothing(world: World, guest: Guest) -> None:
    neighbour = await world.another_shop("neighbour")
    first = await guest.until_kept()
    await world.rule(neighbour, "RETAIL", "FIXED_OVER_COST", 4_000)
    await world.owner.execute("update customers set name = 'x'")
    await asyncio.sleep(0.1)
    assert await guest.costs() == 0
    assert await guest.asks() == first


async def test_stock_that_is_announced_is_seen_at_once(
    world: World, guest: Guest, truth: Callable[..., Awaitable[bytes]]
) -> None:
    await guest.until_kept()
    scope = db.core_scope()
    async with db.transaction(scope):
        await db.execute(
            "update keys set status = 'WITHDRAWN' where id in (select id from keys limit 2)"
        )
        await announce_stock([world.goods.listing_id])
    expected = await truth()
    assert b'"quantity":3' in expected.replace(b" ", b"")
    await guest.sees(expected)
    names = await guest.until_kept(NAMES)
    async with db.transaction(scope):
        await announce_stock([world.goods.listing_id])
    await asyncio.sleep(0.1)
    assert await guest.costs(NAMES) == 0, "an answer that shows no stock goes on"
    assert await guest.asks(NAMES) == names


async def test_stock_that_nobody_announced_is_seen_after_a_minute_whatever_was_asked_meanwhile(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "STOCK_SECONDS", SHIPPED_STOCK_SECONDS)
    await guest.until_kept(NAMES)  # it listens
    now_seconds = clock.monotonic_seconds() + 1
    for module in (cache, assortment, remembered_pages):
        monkeypatch.setattr(module, "monotonic_seconds", lambda: now_seconds)

    async def seen(document: str) -> bytes:
        return (await guest.asks(document)).replace(b" ", b"")

    stock = "{ products { edges { node { stock { quantity } } } } }"
    assert b'"quantity":5' in await seen(stock)
    await world.owner.execute("update keys set status = 'WITHDRAWN'")
    now_seconds += KNOWN_SECONDS - 0.1
    assert b'"quantity":5' in await seen(EVERYTHING), "made now, with what was counted before"
    now_seconds += SHIPPED_STOCK_SECONDS - 0.1
    assert b'"quantity":5' in await seen(EVERYTHING)
    assert b'"quantity":0' in await seen(stock)
    now_seconds += 0.2
    assert b'"quantity":0' in await seen(EVERYTHING)


async def test_a_process_that_begins_ends_what_a_dead_one_may_have_left_untold(
    world: World,
    guest: Guest,
    config: Settings,
    truth: Callable[..., Awaitable[bytes]],
    tmp_path: Path,
) -> None:
    await guest.until_kept()
    await world.owner.execute("update keys set status = 'WITHDRAWN'")
    old, expected = await guest.asks(), await truth()
    assert b'"quantity":5' in old.replace(b" ", b"") and old != expected
    (process,) = api_processes(config, tmp_path, free_port())
    try:
        process.start()
        await until(guest.asks, expected.__eq__)
    finally:
        process.stop()


async def test_variables_that_a_document_does_not_declare_are_no_part_of_the_question(
    guest: Guest,
) -> None:
    document = "query ($first: Int) { products(first: $first) { edges { node { name } } } }"

    async def costs(**variables: object) -> int:
        return await guest.costs(document, variables=variables)

    ended = time.monotonic() + PATIENCE_SECONDS
    while await costs(first=2):
        assert time.monotonic() < ended, "the answer is never kept"
    assert await costs(first=2, junk=1) == 0
    assert await costs(first=1) > 0


async def test_nothing_is_kept_while_nobody_listens(
    world: World, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_connect, connect = asyncio.Event(), asyncpg.connect

    async def connect_when_allowed(*where: object, **how: object) -> asyncpg.Connection:
        await may_connect.wait()
        return await connect(*where, **how)

    await guest.until_kept()
    monkeypatch.setattr(asyncpg, "connect", connect_when_allowed)
    owner = world.owner
    silenced = """select pg_terminate_backend(pid) from pg_stat_activity
                  where application_name = 'kameng-listener' and datname = current_database()"""
    assert len(await owner.fetch(silenced)) == 1
    for number in range(5):
        await owner.execute("update products set name_zh = $1", f"name {number}")
        directory.forget()  # who hears nothing remembers a shop for two seconds
        assert f"name {number}".encode() in await guest.asks()
    await owner.execute("update products set name_zh = 'the last'")
    may_connect.set()
    assert b"the last" in await guest.until_kept()


async def test_a_person_with_a_token_is_never_answered_from_what_is_kept(
    world: World, guest: Guest
) -> None:
    person = await world.customer()
    wallet = '"code":"WALLET"'
    assert wallet not in (await guest.until_kept()).decode()
    own = await guest.asks(**person.headers)
    assert wallet in own.decode()
    assert await guest.costs(**person.headers) > 0
    assert wallet not in (await guest.asks()).decode()
    bad = await guest.http.post(
        "/graphql/",
        json={"query": EVERYTHING},
        headers={"x-kameng-client": "tests", "authorization": "Bearer kmc_of_nobody_at_all"},
    )
    assert bad.status_code != 200 or "errors" in bad.json()


async def test_each_language_and_each_shop_has_its_own_answers(world: World, guest: Guest) -> None:
    assert isinstance(guest.http._transport, httpx.ASGITransport)
    agents = Guest(guest.http._transport.app, world.agent)
    ours, theirs = await guest.until_kept(), await agents.until_kept()
    english = await guest.asks(**{"accept-language": "en"})
    assert len({ours, theirs, english}) == 3
    for _ in range(2):
        assert (await guest.asks(), await agents.asks()) == (ours, theirs)
        assert await guest.asks(**{"accept-language": "en-GB"}) == english
    await agents.http.aclose()


@pytest.mark.parametrize(
    "document",
    [
        '{ products(after: "nonsense") { edges { node { id } } } }',
        "{ me { name } }",
        "{ products(first: 1) { edges { node { id } } } me { name } }",
        "query { quote(input: { lines: [] }) { __typename } }",
        'mutation { signIn(input: { account: "a@b.cn", password: "x" }) { __typename } }',
        "{ nothing }",
        "{ products(first: 1",
        "{ storefront { nothing } me { id } }",
    ],
)
async def test_what_fails_or_is_not_public_is_done_each_time(
    guest: Guest, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[object] = []
    shared: list[object] = []
    answer = ResponseCache.answer

    async def noted(self: ResponseCache, key: CacheKey, *rest: Any) -> Any:
        shared.append(key)
        return await answer(self, key, *rest)

    monkeypatch.setattr(ResponseCache, "answer", noted)
    monkeypatch.setattr(Entries, "put", lambda _self, key, _entry: kept.append(key))
    for _ in range(3):
        response = await guest.http.post(
            "/graphql/", json={"query": document}, headers={"x-kameng-client": "tests"}
        )
        assert "errors" in response.json() or "Problem" in response.text
    assert kept == []
    assert len(shared) == (3 if "nonsense" in document else 0), "no two share what is not public"


async def test_a_crowd_that_asks_the_same_makes_one_answer(guest: Guest) -> None:
    await guest.until_kept(NAMES)
    document = NAMES.replace("name", "slug")
    asked: list[str] = []
    token = db.statement_log.set(asked)
    try:
        answers = await asyncio.gather(*(guest.asks(document) for _ in range(50)))
    finally:
        db.statement_log.reset(token)
    assert len(set(answers)) == 1
    assert len(asked) == 2, "one page, and one look whether it is still true"


def api_processes(config: Settings, folder: Path, *ports: int) -> list[Process]:
    """API processes as an operator runs them, not yet started."""
    env = environment(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        sandbox_port=free_port(),
        data_dir=folder,
    )
    command = [sys.executable, "-m", "entrypoints.cli", "serve", "--port"]
    return [
        Process(f"api-{port}", [*command, str(port)], env, folder / f"{port}.log") for port in ports
    ]


async def test_another_process_hears_of_it_too(
    world: World, config: Settings, tmp_path: Path
) -> None:
    """Two processes as an operator runs them; whichever is asked, a change is seen in both."""
    ports = free_port(), free_port()
    processes = api_processes(config, tmp_path, *ports)
    async with httpx.AsyncClient(trust_env=False) as http:

        async def price(port: int) -> int:
            response = await http.post(
                f"http://127.0.0.1:{port}/graphql/",
                json={"query": PRICE},
                headers={"x-kameng-client": "tests", "host": world.shop.host},
            )
            (edge,) = response.json()["data"]["products"]["edges"]
            minor: int = edge["node"]["price"]["amount"]["amountMinor"]
            return minor

        async def prices() -> list[int]:
            return [await price(port) for port in ports]

        try:
            for process in processes:
                process.start()
            for port in ports:
                await until_healthy(http, port)
            seen_after_seconds = []
            for number in range(CHANGES_AT_MOST):
                changed_minor = 11_000 + 500 * number
                await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", changed_minor - 9_000)
                changed_at = time.monotonic()
                expected = [changed_minor] * 2
                await until(prices, expected.__eq__)
                seen_after_seconds.append(time.monotonic() - changed_at)
                for _ in range(20):
                    assert await prices() == expected
                if number >= 2 and min(seen_after_seconds) < SEEN_WITHIN_SECONDS:
                    break
            assert min(seen_after_seconds) < SEEN_WITHIN_SECONDS
        finally:
            for process in processes:
                process.stop()


async def until_healthy(http: httpx.AsyncClient, port: int) -> None:
    async def healthy() -> bool:
        with suppress(httpx.HTTPError):
            return (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        return False

    await until(healthy)
