"""A page of which the process knows all but what stands on it is the page that is read whole.

Whatever changes is compared with what the whole statement says; announcements come when the test
says so, also while a count is under way.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from asked import statements
from kernel import clock, db
from kernel.settings import settings
from offers import assortment as assortments_of_process
from offers import catalogue
from offers.assortment import Assortment, assortments
from offers.catalogue import Reading
from offers.counting import COUNTS
from offers.goods import KnownOffer
from offers.known_stock import KNOWN_SECONDS
from offers.own_shelf import OwnShelf, OwnShelves, OwnTerms
from offers.shelf import ProductRow
from offers.statements import GOODS
from offers.stock_seen import StockSeen, stock_seen
from random_markets import another_offer
from sales import SalesDesk
from supply.stock_news import ANNOUNCED_BELOW_SPARE, EVERYTHING
from tenants.directory import Shop
from tenants.path_terms import STRANGER, BuyerClass, PathTerms
from world import Goods, plant_rate

pytestmark = pytest.mark.engines


class Ears:
    """Ears that are open or shut as a test wants them."""

    listening_seconds = 100.0


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    assortments.rest_on(ears)
    yield ears
    ears.listening_seconds = 0.0
    assortments.forget()


@pytest.fixture
async def market(desk: SalesDesk, ears: Ears) -> AsyncIterator[list[Goods]]:
    """Eight products; some with two SKUs, two suppliers, a name of the shop's own, a limit, other
    money, keys that end; some are hidden somewhere on the path."""
    world, owner = desk.world, desk.owner
    goods = [await world.more_goods(f"goods-{n}", supply_minor=8_000 + 10 * n) for n in range(8)]
    now = await owner.fetchval("select now()")
    for number, one in enumerate(goods):
        await world.keys(number, one)
        await world.keys(1, one, expires_at=now + timedelta(days=number))
    await world.keys(120, goods[7])
    for one in goods[1:5]:
        await world.keys(3, await another_offer(owner, one, supply_minor=8_005))
    await owner.execute(
        "update skus set product_id = $1, min_remaining_days = 3 where id = $2",
        goods[2].product_id,
        goods[3].sku_id,
    )
    hide = "insert into tenant_listings (tenant_id, sku_id, visible) values ($1, $2, false)"
    await owner.execute(hide, world.agent.id, goods[4].sku_id)
    await owner.execute(hide, world.shop.id, goods[2].sku_id)
    await owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, title_override) values ($1, $2, 'ours')",
        world.shop.id,
        goods[3].sku_id,
    )
    await owner.execute(
        "update supplier_listings set currency = 'USD' where id = $1", goods[5].listing_id
    )
    await plant_rate(owner, "USD", "CNY", "1.25")
    limit = "insert into price_limits (tenant_id, sku_id, floor_minor) values ($1, $2, 20000)"
    await owner.execute(limit, world.root.id, goods[6].sku_id)
    with capture_logs():  # of the prices that a limit forbids
        yield goods


def written(rows: list[ProductRow] | Any) -> list[Any]:
    """All that a buyer can be shown of a page."""
    return [
        (
            row.id,
            row.slug,
            row.key,
            row.row["name_zh"],
            row.row["platform"],
            row.row["category_id"],
            [
                (sku.id, sku.product_id, sku.row["code"], sku.row["sku_name_zh"], sku.title)
                + (sku.row["face_value_minor"], sku.row["usage_rules_zh"], sku.currency, sku.offers)
                for sku in row.skus
            ],
        )
        for row in rows
    ]


async def page(shop: Shop, reading: Reading, **asked: Any) -> Any:
    found = await catalogue.products(shop, reading=reading, **asked)
    return written(found.rows), found.has_next, found.end_cursor


async def compare(desk: SalesDesk, **asked: Any) -> None:
    """Every page of two shops, read whole and remembered, by a guest and by a customer."""
    for at in (desk.world.shop, desk.world.agent):
        shop = await desk.shop(at)
        after = None
        for _ in range(20):
            whole = await page(shop, Reading.SOURCED, after=after, **asked)
            for reading in (Reading.EXACT, Reading.PUBLIC):
                assert await page(shop, reading, after=after, **asked) == whole
            after = whole[2]
            if not whole[1]:
                break


async def test_every_page_is_the_one_that_is_read_whole(
    desk: SalesDesk, market: list[Goods]
) -> None:
    await compare(desk, first=3)
    await compare(desk, first=50, sort="NAME")
    await compare(desk, first=2, category_slug="games")
    await compare(desk, category_slug="nothing")
    await compare(desk, ids=[one.product_id for one in market[2:6]])
    shop = await desk.shop()
    for one in market:
        found = [
            await catalogue.product(shop, slug=one.slug, reading=reading) for reading in Reading
        ]
        assert len({str(written([row] if row else [])) for row in found}) == 1


CHANGES = [
    "update products set name_zh = name_zh || '!', position = 9 - position",
    "update products set status = 'ARCHIVED' where slug = 'goods-1'",
    "update skus set min_remaining_days = 6",
    "update skus set status = 'ARCHIVED' where code = 'goods-2'",
    "update supplier_listings set supply_price_minor = supply_price_minor + 7",
    "update supplier_listings set currency = 'CNY'",
    "update supplier_listings set currency = 'EUR' where supply_price_minor = 8005",
    """insert into fx_rates (id, base, quote, value, source, taken_at, fresh_until, set_by)
       select gen_random_uuid(), 'USD', 'CNY', 1.5, 'bank', now(), now() + '2 days', 'somebody'""",
    "update supplier_listings set status = 'PAUSED' where supply_price_minor % 2 = 0",
    "update suppliers set status = 'SUSPENDED' where name like '%goods-7'",
    "update tenant_listings set visible = true",
    "update tenant_listings set title_override = 'new' where title_override <> ''",
    "update price_limits set floor_minor = 1",
    "update price_rules set value = value + 3 where audience = 'RETAIL'",
    "update tenants set payment_methods = array['CARD']",
    "insert into sandbox_clock (shift) values (interval '4 days')",
]


async def test_whatever_changes_is_on_the_next_page_without_an_announcement(
    desk: SalesDesk, market: list[Goods]
) -> None:
    shop = await desk.shop()
    before = await page(shop, Reading.PUBLIC, first=50)
    moved = 0
    for change in CHANGES:
        await desk.owner.execute(change)
        await compare(desk, first=50)
        now = await page(shop, Reading.PUBLIC, first=50)
        moved += now != before
        before = now
    assert moved >= 10, "most of the changes can be seen in this shop"


async def test_a_page_that_is_known_is_one_statement_however_long_it_is(
    desk: SalesDesk, market: list[Goods]
) -> None:
    shop = await desk.shop()
    await page(shop, Reading.PUBLIC, first=50)
    for first in (1, 50):
        with statements() as asked:
            await page(shop, Reading.PUBLIC, first=first)
        assert len(asked) == 1
    with statements() as asked:
        await page(shop, Reading.EXACT, first=50)
    assert asked[1:] == [COUNTS], "who has a token has scarce stock counted"
    for name in ("other", "third"):
        other = await desk.shop(await desk.world.another_shop(name))
        await page(other, Reading.PUBLIC, first=1 if name == "third" else 50)
    with statements() as asked:
        await page(other, Reading.PUBLIC, first=50)
    assert len(asked) == 1, "another shop's goods and stock are the same"


async def test_stock_that_is_announced_is_counted_and_other_stock_is_not(
    desk: SalesDesk, market: list[Goods]
) -> None:
    shop, sold = await desk.shop(), market[1]
    await page(shop, Reading.PUBLIC, first=50)
    await desk.owner.execute("update keys set status = 'WITHDRAWN'")
    whole, _, _ = await page(shop, Reading.SOURCED, first=50)
    remembered, _, _ = await page(shop, Reading.PUBLIC, first=50)
    assert remembered != whole, "nobody has said anything"
    assortments.hear_stock(str(sold.listing_id))
    now, _, _ = await page(shop, Reading.PUBLIC, first=50)
    changed = [row[1] for row, old in zip(now, remembered, strict=True) if row != old]
    assert changed == [sold.slug]
    assortments.hear_stock(EVERYTHING)
    assert (await page(shop, Reading.PUBLIC, first=50))[0] == whole


async def test_who_has_a_token_is_never_shown_scarce_stock_that_was_counted_before(
    desk: SalesDesk, market: list[Goods]
) -> None:
    shop = await desk.shop()
    plenty = settings().low_stock_bound + ANNOUNCED_BELOW_SPARE
    await desk.world.keys(plenty, market[0])
    await page(shop, Reading.PUBLIC, first=50)
    await desk.owner.execute("update keys set status = 'WITHDRAWN'")
    found, _, _ = await page(shop, Reading.EXACT, first=50)
    shown = {row[1]: [offer.stock for sku in row[6] for offer in sku[8]] for row in found}
    assert {slug for slug, stock in shown.items() if any(stock)} == {market[0].slug}
    assert shown[market[0].slug] == [settings().low_stock_bound], "there was plenty a moment ago"
    assert shown[market[7].slug] == [0], "128 were above what is shown, and near enough to it"


async def test_a_count_that_began_before_an_announcement_is_shown_once_and_not_kept(
    desk: SalesDesk, market: list[Goods], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, sold = await desk.shop(), market[1]
    await page(shop, Reading.PUBLIC, first=50)
    assortments.hear_stock(EVERYTHING)
    read = db.read

    async def sell_meanwhile(scope: db.Scope, sql: str, *values: Any) -> Any:
        rows = await read(scope, sql, *values)
        if sql == COUNTS:
            await desk.owner.execute("update keys set status = 'WITHDRAWN'")
            assortments.hear_stock(str(sold.listing_id))
        return rows

    monkeypatch.setattr(db, "read", sell_meanwhile)
    await page(shop, Reading.PUBLIC, first=50)
    monkeypatch.setattr(db, "read", read)
    with statements() as asked:
        rows, _, _ = await page(shop, Reading.PUBLIC, first=50)
    assert asked[1:] == [COUNTS]
    shown = {row[1]: [offer.stock for sku in row[6] for offer in sku[8]] for row in rows}
    assert 0 in shown[sold.slug]
    assert all(shown[market[7].slug]), "of the others nobody has said anything"


async def test_a_count_that_was_under_way_when_everything_was_forgotten_is_not_kept(
    desk: SalesDesk, market: list[Goods], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await desk.shop()
    read = db.read

    async def miss_meanwhile(scope: db.Scope, sql: str, *values: Any) -> Any:
        rows = await read(scope, sql, *values)
        if sql == COUNTS:
            assortments.forget()
        return rows

    monkeypatch.setattr(db, "read", miss_meanwhile)
    await page(shop, Reading.PUBLIC, first=50)
    monkeypatch.setattr(db, "read", read)
    with statements() as asked:
        await page(shop, Reading.PUBLIC, first=50)
    assert COUNTS in asked


async def test_what_a_count_foresees_ends_it(
    desk: SalesDesk, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = await desk.owner.fetchval("select now()")
    await desk.world.keys(2)
    await desk.world.keys(1, expires_at=now + timedelta(seconds=8))
    shop = await desk.shop()
    await page(shop, Reading.PUBLIC)
    started_seconds = _stopped_clock(monkeypatch)
    with statements() as asked:
        await page(shop, Reading.PUBLIC)
    assert len(asked) == 1
    _stopped_clock(monkeypatch, started_seconds + 8.1)
    with statements() as asked:
        await page(shop, Reading.PUBLIC)
    assert asked[1:] == [COUNTS]
    await desk.owner.execute("delete from keys where expires_at is not null")
    assortments.hear_stock(EVERYTHING)
    await page(shop, Reading.PUBLIC)
    for later, counted in ((KNOWN_SECONDS - 0.5, []), (KNOWN_SECONDS, [COUNTS])):
        _stopped_clock(monkeypatch, started_seconds + 8.1 + later)
        with statements() as asked:
            await page(shop, Reading.PUBLIC)
        assert asked[1:] == counted


def _stopped_clock(monkeypatch: pytest.MonkeyPatch, seconds: float | None = None) -> float:
    now = clock.monotonic_seconds() if seconds is None else seconds
    for module in ("assortment", "remembered_pages"):
        monkeypatch.setattr(f"offers.{module}.monotonic_seconds", lambda: now)
    return now


async def test_an_answer_learns_whose_stock_it_shows_and_until_when_it_stands_still(
    desk: SalesDesk, market: list[Goods]
) -> None:
    shop = await desk.shop()

    async def seen(reading: Reading) -> StockSeen:
        found = StockSeen()
        token = stock_seen.set(found)
        await page(shop, reading, first=50)
        stock_seen.reset(token)
        return found

    whole = await seen(Reading.SOURCED)
    for _ in range(2):
        remembered = await seen(Reading.PUBLIC)
        assert remembered.listing_ids == whole.listing_ids
        assert KNOWN_SECONDS < remembered.still_seconds <= whole.still_seconds


async def test_a_process_that_does_not_hear_remembers_nothing(
    desk: SalesDesk, market: list[Goods], ears: Ears
) -> None:
    shop = await desk.shop()
    await page(shop, Reading.PUBLIC, first=50)
    ears.listening_seconds = 0.0
    await desk.owner.execute("update keys set status = 'WITHDRAWN'")
    whole = await page(shop, Reading.SOURCED, first=50)
    assert await page(shop, Reading.PUBLIC, first=50) == whole
    with statements() as asked:
        await page(shop, Reading.PUBLIC, first=50)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        "update supplier_listings set supply_price_minor = supply_price_minor + 100",
        "update price_rules set value = value + 50",
        "update tenant_listings set visible = true",
    ],
)
async def test_a_catalogue_that_changes_between_two_statements_is_read_whole(
    desk: SalesDesk, market: list[Goods], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    shop = await desk.shop()
    read = db.read
    asked: list[str] = []

    async def change_after_the_first(scope: db.Scope, sql: str, *values: Any) -> Any:
        rows = await read(scope, sql, *values)
        if not asked:
            await desk.owner.execute(change)
        asked.append(sql)
        return rows

    monkeypatch.setattr(db, "read", change_after_the_first)
    remembered = await page(shop, Reading.PUBLIC, first=50)
    monkeypatch.setattr(db, "read", read)
    assert remembered == await page(shop, Reading.SOURCED, first=50)
    pages = [sql for sql in asked if "fx_rates" not in sql]  # a rate may be read at the end
    assert "left join lateral" in pages[-1] and pages[-1] != GOODS


async def test_when_there_are_too_many_offers_all_are_forgotten_and_no_price_is_mixed_up(
    desk: SalesDesk, market: list[Goods], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assortments_of_process, "MAX_OFFERS", 3)
    for _ in range(2):
        for goods in (market[7], market[0], market[6], market[1]):
            await compare(desk, ids=[goods.product_id])
            version = await desk.owner.fetchval(
                "select version from catalogue_versions where owner_id = platform_id()"
            )
            assert assortments.at(version).offers <= 5


def test_shelves_that_nobody_asks_for_make_room_and_a_shelf_of_other_versions_is_none() -> None:
    shelves = OwnShelves(max_bytes=60_000)
    last = _offer(1_999)  # 16 kB of prices

    def ask(tenant: int, versions: list[int]) -> bool:
        """Ask a shop for a price; True when the shelf was kept."""
        known = shelves.get(_seat(tenant), versions)
        shelf = known or _shelf(versions)
        if known is None:
            shelves.put(_seat(tenant), shelf)
        shelf.price_minor(last)
        shelves.count(_seat(tenant))
        return known is not None

    assert not ask(1, [3, 4])
    assert ask(1, [3, 4])
    for versions in ([4, 3], [7], [3, 4, 0]):
        assert shelves.get(_seat(1), versions) is None
    for tenant in range(2, 9):
        ask(tenant, [1])
        assert shelves.size_bytes <= 60_000
    assert ask(8, [1])
    assert not ask(1, [3, 4])


def _uuid(number: int) -> UUID:
    return UUID(int=number)


def _seat(number: int) -> tuple[UUID, BuyerClass]:
    return _uuid(number), STRANGER


def _shelf(versions: list[int]) -> OwnShelf:
    row = dict.fromkeys(("titled", "titles", "limited", "floors", "ceilings"))
    own = OwnTerms(
        {**row, "versions": versions, "hidden": [], "worst_affiliate_bp": 0, "rates": None}
    )
    return _Free(own, PathTerms(()), shop_slug="", currency="CNY")


class _Free(OwnShelf):
    """A shelf on which everything costs as much as its number."""

    def _computed(self, offer: KnownOffer, *, quantity: int = 1) -> int:
        return offer.number * quantity


def _offer(number: int) -> KnownOffer:
    return KnownOffer(_uuid(number), number, {})


def test_a_price_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = _shelf([1])
    assert [shelf.price_minor(_offer(number)) for number in (5, 0, 5)] == [5, 0, 5]
    monkeypatch.setattr(_Free, "_computed", lambda _shelf, _offer, quantity=1: 99)
    assert [shelf.price_minor(_offer(number)) for number in (5, 0, 4)] == [5, 0, 99]


def test_what_is_announced_before_it_is_met_concerns_nobody() -> None:
    kept = Assortment(1)
    kept.hear_stock(_uuid(1))
    assert kept.offers == 0
