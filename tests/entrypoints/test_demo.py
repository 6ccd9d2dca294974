"""The demo's data: whole, sellable in every shop, and the same however often it is loaded."""

import asyncio
import json
import re
import shlex
import signal
import stat
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest

from billing import accounts, ledger
from entrypoints.demo import AnotherPlatform, NotForProduction, load_demo, main, stock, write_demo
from entrypoints.demo.catalogue import sku_id
from entrypoints.demo.people import PASSWORD, staff_account_of
from entrypoints.demo.records import CURRENCY, demo_records
from entrypoints.demo.shops import shop_id
from entrypoints.up.progress import Progress
from entrypoints.verify import verify
from identity.sign_in import sign_in
from identity.staff_sign_in import staff_sign_in
from identity.tokens import authenticate, revoke_token
from kernel import db
from kernel.settings import Settings, settings
from offers.form_values import fields_of
from offers.quotes import Wish, price_wishes
from offers.shelf import ShelfSku, skus_by_id
from patience import until
from supply.importing import BatchReport, import_keys
from supply.vault import open_key
from tenants import directory
from tenants.directory import Shop

DEMO = demo_records()
SHOPS = [shop.slug for shop in DEMO.shops]
SKUS = {sku_id(sku.code): sku for product in DEMO.products for sku in product.skus}
LETTER = "[2-9A-HJ-NP-Z]"
#: Of three listings that a person delivers.
PLACES = 150
LOOKS = {  # what a secret and a serial look like
    "STEAM-US-10": (f"({LETTER}{{5}}-){{2}}{LETTER}{{5}}", r"[0-9A-F]{8}-\d{6}"),
    "HOK-300": (r"\d{12}", r"WZ\d{8}"),
    "CMCC-100": (r"\d{18}", r"\d{17}"),
    "APPSTORE-CN-100": (f"X{LETTER}{{15}}", r"GCA\d{10}"),
    "TXVIDEO-1M": (f"{LETTER}{{16}}", r"TX\d{10}"),
}
STAGES = (
    "Goods",
    "Shops and their prices",
    "Customers with money",
    "Staff and partners",
    "Keys",
    "Tokens",
)
Fingerprint = dict[str, tuple[int, str | None]]
PLATFORM = Path(__file__).parents[2] / "platform"


@dataclass
class Kept:
    """A loaded database that tests clone, made by the first test that needs one."""

    server_url: str
    name: str
    handout: str = ""

    async def copy(self, *, source: str, target: str) -> None:
        """Replace one database of the server by a copy of another. Whoever is connected to either
        is thrown out, and cannot come back while it is copied."""
        connection = await asyncpg.connect(self.server_url)
        try:
            await connection.execute(f"drop database if exists {target} with (force)")
            if source:
                await connection.execute(f"alter database {source} allow_connections false")
                await connection.execute(
                    """select pg_terminate_backend(pid, 60000) from pg_stat_activity
                       where datname = $1""",
                    source,
                )
                await connection.execute(
                    f"create database {target} template {source} strategy file_copy"
                )
                await connection.execute(f"alter database {source} allow_connections true")
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def kept(template_database: tuple[str, str]) -> Iterator[Kept]:
    url, template = template_database
    kept = Kept(urlunsplit(urlsplit(url)._replace(path="/postgres")), f"{template}_demo")
    yield kept
    asyncio.run(kept.copy(source="", target=kept.name))


@pytest.fixture
def data_folder(
    config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """An empty data directory beside an empty database."""
    monkeypatch.setenv("KAMENG_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    directory.forget()
    yield tmp_path / "data"
    directory.forget()


@pytest.fixture
async def loaded(config: Settings, kept: Kept, data_folder: Path) -> AsyncIterator[Path]:
    """The demo's data directory beside its database, with the product's pools open."""
    own = urlsplit(config.database_url).path.lstrip("/")
    if not kept.handout:
        summary = await load_demo()
        kept.handout = summary.file.read_text()
        await kept.copy(source=own, target=kept.name)
    else:
        await kept.copy(source=kept.name, target=own)
        hand_out(data_folder, kept.handout)
    await db.connect(settings())
    yield data_folder
    await db.disconnect()


def hand_out(data_folder: Path, content: str) -> None:
    data_folder.mkdir(exist_ok=True)
    (data_folder / "demo.json").write_text(content)


def handed_out(data_folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((data_folder / "demo.json").read_text())
    return content


def version_of(file: Path) -> tuple[int, int]:
    """Which file it is, and when it was last written."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def is_absent(data_folder: Path) -> bool:
    return not data_folder.exists()


async def open_shop(slug: str) -> Shop:
    shop = await directory.shop_by_host(f"{slug}.localhost")
    assert shop is not None
    return shop


async def shelf_of(slug: str, *, quantity: int = 1) -> dict[UUID, ShelfSku]:
    shop = await open_shop(slug)
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        wanted = [(identifier, quantity) for identifier in SKUS]
        found = await skus_by_id(shop, wanted, stock_bound=500)
    return {sku.id: sku for sku in found.values()}


async def fingerprint(database_url: str) -> Fingerprint:
    """Of every table, how many rows it has and a hash of all that they say."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(
            """select relname::text as name from pg_class
               where relkind = 'r' and relnamespace = 'public'::regnamespace"""
        )
        return {
            table["name"]: tuple(
                await connection.fetchrow(
                    f"""select count(*), md5(string_agg(row::text, '|' order by row::text))
                        from {table["name"]} as row"""
                )
            )
            for table in tables
        }
    finally:
        await connection.close()


def row_counts(fingerprints: Fingerprint) -> dict[str, int]:
    return {table: count for table, (count, _) in fingerprints.items()}


class Died(Exception):
    """What a planned death raises."""


class DiesAt(Progress):
    """A listener that ends the run when a stage begins."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        if title == self._title:
            raise Died
        yield


# What there is


async def test_there_are_as_many_goods_shops_and_keys_as_the_trade_has(
    loaded: Path, owner: asyncpg.Connection
) -> None:
    counts = await owner.fetchrow(
        """select (select count(*) from categories) as categories,
                  (select max(cardinality(path)) from categories) as levels,
                  (select count(*) from skus) as skus,
                  (select count(*) from skus where delivery_mode in ('AUTO_KEY', 'SHARED_KEY'))
                      as with_keys,
                  (select count(*) from suppliers) as suppliers,
                  (select count(*) from sealed_keys where line_number is not null) as keys,
                  (select count(*) from sealed_keys where secret is null) as places,
                  (select count(*) > 10 from key_seats) as seats,
                  (select count(*) from key_batch_rejections) as refused_lines,
                  (select count(distinct tenant_id) from tenant_domains
                   where verified_at is not null and is_primary) as domains"""
    )
    depths = await owner.fetch("select depth, count(*) as shops from tenants group by depth")

    assert dict(counts) == {
        "categories": 12,
        "levels": 2,
        "skus": 120,
        "with_keys": 118,
        "suppliers": 3,
        "keys": 6_000,
        "places": PLACES,
        "seats": True,
        "refused_lines": 0,
        "domains": 7,
    }
    assert {row["depth"]: row["shops"] for row in depths} == {0: 1, 1: 3, 2: 2, 3: 1}


async def test_most_goods_are_offered_by_several_suppliers_at_different_prices(
    loaded: Path, owner: asyncpg.Connection
) -> None:
    offered = await owner.fetch(
        """select count(*) as offers, count(distinct supply_price_minor) as prices
           from supplier_listings group by sku_id"""
    )

    assert len(offered) == 120
    assert sum(row["prices"] > 1 for row in offered) >= 100


async def test_the_price_rules_use_every_kind_scope_and_rounding(
    loaded: Path, owner: asyncpg.Connection
) -> None:
    used = await owner.fetchrow(
        """select count(distinct kind) as kinds, count(distinct scope) as scopes,
                  count(distinct rounding) as roundings, count(distinct for_kind) as for_kinds,
                  count(distinct min_quantity) as quantities from price_rules"""
    )

    assert dict(used) == {
        "kinds": 5,
        "scopes": 3,
        "roundings": 4,
        "for_kinds": 6,
        "quantities": 2,
    }


async def test_the_demos_grades_tiers_breaks_and_promotion_change_what_is_paid(
    loaded: Path, owner: asyncpg.Connection
) -> None:
    shop = await open_shop("xinghe")
    chen = await owner.fetchval("select id from customers where name = '陈思远'")

    async def paid(code: str, *, quantity: int = 1, by: UUID | None = None) -> int:
        lines = await price_wishes(shop, [Wish(sku_id(code), quantity)], customer_id=by)
        return lines[0].offer.unit_price_minor

    moon = "GENSHIN-MONTHLY"
    assert [await paid(moon, quantity=quantity) for quantity in (1, 5)] == [2_790, 2_770]
    promoted = await paid("HOK-300")
    secret, listed = await paid("STEAM-US-10", by=chen), await paid("STEAM-US-10")
    tiered, untiered = await paid("GENSHIN-300", by=chen), await paid("GENSHIN-300")
    await owner.execute("update promotions set status = 'PAUSED'")
    assert promoted < await paid("HOK-300")
    assert secret < listed and tiered < untiered
    await owner.execute("update tenants set grade_id = null where slug = 'xinghe'")
    lines = await price_wishes(shop, [Wish(sku_id("GENSHIN-300"), 1)])
    ungraded = lines[0].sourcing.costs
    assert ungraded[1] - ungraded[0] > 1


async def test_every_text_is_there_in_both_languages(
    loaded: Path, owner: asyncpg.Connection
) -> None:
    incomplete = await owner.fetch(
        """select code from skus join products on products.id = product_id
           where '' in (skus.name_zh, skus.name_en, products.name_zh, products.name_en,
                        description_zh, description_en, scope_of_use_zh, scope_of_use_en)
              or cardinality(usage_rules_zh) = 0
              or cardinality(usage_rules_zh) <> cardinality(usage_rules_en)
              or cardinality(redeem_steps_zh) = 0
              or cardinality(redeem_steps_zh) <> cardinality(redeem_steps_en)"""
    )

    assert incomplete == []


async def test_every_shop_sells_nearly_everything_and_nothing_at_a_loss(loaded: Path) -> None:
    suppliers_of = Counter(sku_id(offered.sku.code) for offered in stock.offers(DEMO))

    for slug in SHOPS:
        shelf = await shelf_of(slug)
        assert len(shelf) >= 115, slug
        for identifier, sku in shelf.items():
            name = f"{sku.row['code']} in {slug}"
            assert len(sku.offers) == suppliers_of[identifier], f"a price of {name} is broken"
            assert sku.stock > 0, name
            for offer in sku.offers:
                assert offer.unit_price_minor > sku.sourcing[offer.id].costs[-1], name


async def test_what_a_shop_hides_is_hidden_below_it_and_nowhere_else(loaded: Path) -> None:
    netflix = sku_id("NETFLIX-US-25")

    sellers = {slug for slug in SHOPS if netflix in await shelf_of(slug)}

    assert sellers == set(SHOPS) - {"lanjing", "maple"}


async def test_two_goods_are_delivered_by_hand_and_ask_for_an_account(loaded: Path) -> None:
    shop = await open_shop("xinghe")
    wishes = [Wish(sku_id(code), 1) for code in ("PHONE-DIRECT-100", "COURSE-EXAM-LIVE")]

    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        lines = await price_wishes(shop, wishes)

    found = [(line.delivery_mode, line.manual_minutes, line.offer.stock) for line in lines]
    assert found == [("DIRECT_TOPUP", 60, 50), ("MANUAL", 1_440, 50)]
    assert [fields_of(line.sku)[0].name for line in lines] == ["phone", "account"]


async def test_keys_look_like_those_of_the_trade(loaded: Path, owner: asyncpg.Connection) -> None:
    keys = await owner.fetch(
        """select keys.id, supplier_listing_id, code, serial, secret, secret_key_id,
                  expires_at > now() + interval '1 year' as lasts
           from keys join sealed_keys sealed on sealed.id = keys.id
           join skus on skus.id = sku_id where code = any ($1)""",
        list(LOOKS),
    )

    assert {key["code"] for key in keys} == set(LOOKS)
    for key in keys:
        secret, serial = LOOKS[key["code"]]
        opened = open_key(
            key_id=key["id"],
            supplier_listing_id=key["supplier_listing_id"],
            secret=key["secret"],
            secret_key_id=key["secret_key_id"],
        )
        assert re.fullmatch(secret, opened.secret), key["code"]
        assert re.fullmatch(serial, key["serial"]), key["code"]
        assert key["lasts"] is (True if key["code"] == "TXVIDEO-1M" else None)


async def test_every_member_of_staff_signs_in_as_the_handout_says(loaded: Path) -> None:
    staff = demo_records().people.staff
    notes = [entry["note"] for entry in handed_out(loaded)["tokens"]]
    for member in staff:
        account = staff_account_of(member)
        signed_in = await staff_sign_in(
            tenant_id=shop_id(member.shop), account=account, password=PASSWORD, ip="192.0.2.1"
        )
        assert signed_in.roles == (member.role,)
        assert f"{member.name}, {account} / {PASSWORD}" in notes


async def test_every_customer_signs_in_and_has_money(loaded: Path) -> None:
    for customer in DEMO.people.customers:
        tenant_id = shop_id(customer.shop)

        signed_in = await sign_in(
            tenant_id=tenant_id, account=customer.email, password=PASSWORD, ip="192.0.2.1"
        )

        async with db.transaction(db.core_scope(tenant_id), read_only=True):
            held = await ledger.balance(accounts.wallet(signed_in.customer_id, CURRENCY))
        assert held == customer.wallet.amount_minor
        assert 50_000 <= held <= 200_000


async def test_the_books_of_the_demo_are_in_order(loaded: Path, config: Settings) -> None:
    assert await verify(config.database_url) == []


# How often it is loaded


async def test_a_second_run_writes_nothing(loaded: Path, config: Settings) -> None:
    before, handout = await fingerprint(config.database_url), version_of(loaded / "demo.json")

    summary = await write_demo()

    assert summary.written == 0
    assert await fingerprint(config.database_url) == before
    assert version_of(loaded / "demo.json") == handout


async def test_what_somebody_has_changed_stays_changed(
    loaded: Path, owner: asyncpg.Connection
) -> None:
    await owner.execute("update price_rules set value = 1234 where scope = 'DEFAULT'")
    await owner.execute("update tenants set name = '我的小店' where slug = 'fengyu'")

    await write_demo()

    assert await owner.fetchval("select count(*) from price_rules where value = 1234") == 13
    assert await owner.fetchval("select name from tenants where slug = 'fengyu'") == "我的小店"


@pytest.mark.sweep
async def test_a_run_that_dies_at_any_stage_is_completed_by_the_next(
    config: Settings, kept: Kept, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = 0

    async def dies_after_twenty(**arguments: Any) -> BatchReport:
        nonlocal imported
        if imported == 20:
            raise Died
        imported += 1
        return await import_keys(**arguments)

    for title in STAGES[:-1]:
        with pytest.raises(Died):
            await load_demo(progress=DiesAt(title))
    with monkeypatch.context() as patched, pytest.raises(ExceptionGroup):
        patched.setattr(stock, "import_keys", dies_after_twenty)
        await load_demo()
    with pytest.raises(Died):
        await load_demo(progress=DiesAt(STAGES[-1]))
    summary = await load_demo()

    stored = row_counts(await fingerprint(config.database_url))
    assert stored["keys"] == 6_000 + stored["key_seats"] + PLACES
    assert (stored["skus"], stored["tenants"]) == (120, 7)
    assert (stored["customers"], stored["ledger_transactions"]) == (14, 14)
    assert stored["access_tokens"] == summary.written == len(handed_out(data_folder)["tokens"])
    assert await verify(config.database_url) == []


# After the second batch of keys each takes a second: nobody is too late to kill the process.
LINGER = """
create function linger() returns trigger language plpgsql as $$
    begin
        perform pg_sleep(1) where (select count(*) from key_batches) > 2;
        return new;
    end $$;
create trigger lingers before insert on key_batches for each row execute function linger();
"""


@pytest.mark.sweep
async def test_a_process_that_is_killed_is_completed_by_the_next(
    config: Settings, owner: asyncpg.Connection, data_folder: Path
) -> None:
    await owner.execute(LINGER)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "entrypoints.cli", "demo", cwd=PLATFORM
    )

    async def has_stored_keys() -> bool:
        assert process.returncode is None
        return bool(await owner.fetchval("select count(*) from key_batches"))

    await until(has_stored_keys)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await owner.execute("drop trigger lingers on key_batches")  # waits for what it left running
    stored_by_then = await owner.fetchval("select count(*) from keys")

    summary = await load_demo()

    assert stored_by_then < 6_000
    assert summary.written > 0
    imported = "select count(*) from sealed_keys where line_number is not null"
    assert await owner.fetchval(imported) == 6_000
    assert await owner.fetchval("select count(*) from key_batches where status <> 'ACCEPTED'") == 0
    assert await verify(config.database_url) == []


async def test_another_platform_is_refused_and_left_alone(
    config: Settings, owner: asyncpg.Connection, data_folder: Path
) -> None:
    await owner.execute(
        """insert into tenants (id, kind, slug, name, currency)
           values (gen_random_uuid(), 'ROOT', 'real', 'A real platform', 'CNY')"""
    )
    before = await fingerprint(config.database_url)

    with pytest.raises(AnotherPlatform, match="A real platform"):
        await load_demo()

    assert await fingerprint(config.database_url) == before
    assert is_absent(data_folder)


async def test_production_is_refused_and_left_alone(
    config: Settings, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAMENG_ENVIRONMENT", "production")
    monkeypatch.setenv("KAMENG_STRIPE_WEBHOOK_SECRET", "whsec_for_the_tests_only")
    settings.cache_clear()
    before = await fingerprint(config.database_url)

    with pytest.raises(NotForProduction):
        await load_demo()

    assert await fingerprint(config.database_url) == before
    assert is_absent(data_folder)


# What a newcomer is handed


async def test_every_token_opens_what_its_role_says(loaded: Path) -> None:
    kinds = {
        "customer": "CUSTOMER",
        "owner": "STAFF",
        "finance": "STAFF",
        "read-only": "STAFF",
        "api-client": "API_CLIENT",
        "affiliate": "AFFILIATE",
        "supplier": "SUPPLIER",
        "operator": "OPERATOR",
    }
    entries = handed_out(loaded)["tokens"]

    for entry in entries:
        caller = await authenticate(entry["token"])
        assert caller is not None
        assert caller.kind == kinds[entry["role"]]
        slug = entry["host"].removesuffix(".localhost")
        assert caller.tenant_id == (shop_id(slug) if slug else None)
        if caller.kind == "STAFF":
            assert caller.roles == {entry["role"].upper().replace("-", "_")}
    assert {entry["role"] for entry in entries} == set(kinds)


async def test_a_token_that_opens_nothing_any_more_is_replaced_alone(loaded: Path) -> None:
    before = handed_out(loaded)["tokens"]
    await revoke_token(before[0]["token"])

    summary = await write_demo()

    after = handed_out(loaded)["tokens"]
    assert summary.written == 1
    assert after[1:] == before[1:]
    assert await authenticate(after[0]["token"]) is not None


async def test_a_damaged_handout_is_written_again(loaded: Path) -> None:
    for content in ("", "[]", "{", '{"tokens": [1]}', '{"tokens": [{}]}'):
        hand_out(loaded, content)

        summary = await write_demo()

        assert summary.written == len(handed_out(loaded)["tokens"]) > 20, content


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


async def test_the_handout_is_its_owners_secret(loaded: Path) -> None:
    (loaded / "demo.json").unlink()

    summary = await write_demo()

    assert summary.file == loaded / "demo.json"
    assert mode_of(summary.file) == 0o600


async def test_the_handout_follows_the_port(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = handed_out(loaded)["tokens"]
    assert handed_out(loaded)["shops"][1] == {
        "name": "星河数卡",
        "host": "xinghe.localhost",
        "url": "http://xinghe.localhost:8000",
        "level": 1,
    }
    monkeypatch.setenv("KAMENG_PUBLIC_PORT", "8123")
    settings.cache_clear()

    await write_demo()

    handout = handed_out(loaded)
    assert {urlsplit(shop["url"]).port for shop in handout["shops"]} == {8123}
    assert handout["tokens"] == tokens
    assert {shop["level"] for shop in handout["shops"]} == {0, 1, 2, 3}


async def test_the_command_for_the_shell_asks_the_first_query(loaded: Path) -> None:
    handout = handed_out(loaded)

    words = shlex.split(handout["curl"])

    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/graphql"]
    headers = {words[at + 1] for at, word in enumerate(words) if word == "-H"}
    assert headers == {
        "Host: xinghe.localhost",
        "content-type: application/json",
        "X-Kameng-Client: demo",
    }
    assert json.loads(words[-1]) == {"query": handout["first_query"]}


# The command


def test_the_command_says_what_it_has_done(
    config: Settings, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main() == 0
    first = capsys.readouterr().out
    assert main() == 0
    second = capsys.readouterr().out

    assert all(title in first for title in STAGES)
    assert "7 shops, 120 SKUs, 6,000 keys, 14 customers:" in first
    assert "all were there already" not in first
    assert "all were there already" in second
    assert str(data_folder / "demo.json") in second


async def _plant_another_root(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """insert into tenants (id, kind, slug, name, currency)
           values (gen_random_uuid(), 'ROOT', 'real', 'A real platform', 'CNY')"""
    )
    await connection.close()


def test_the_command_says_why_it_refuses(
    config: Settings, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_plant_another_root(config.database_url))

    assert main() == 1

    assert "A real platform" in capsys.readouterr().err
