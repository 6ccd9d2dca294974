"""The buyer opens the keys: who saw them is kept, and anybody can check the promise."""

import csv
import hashlib
import io

import pytest

from stories.books import Books
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

_FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", '=cmd|"/c calc"!A1', "plain,with;commas")


async def test_the_commitment_shown_before_the_payment_is_the_hash_of_the_opened_key(
    market: Market,
) -> None:
    stall = await market.stall(keys=3)
    purchase = await (await market.customer(stall)).order(stall, 3)
    promised = set((await purchase.line())["commitments"])
    await purchase.delivered()
    opened = await purchase.reveal()
    assert {key["commitment"] for key in opened} == promised
    for key in opened:
        computed = hashlib.sha256(bytes.fromhex(key["salt"]) + key["secret"].encode())
        assert computed.hexdigest() == key["commitment"]
    assert sorted(key["secret"] for key in opened) == sorted(stall.secrets)
    await market.assert_sound()


async def test_every_opening_is_written_down_and_none_may_be_kept_by_a_cache(
    market: Market,
) -> None:
    stall = await market.stall()
    purchase = await market.guest(stall).order(stall)
    await purchase.delivered()
    for _ in range(2):
        assert await purchase.secrets() == list(stall.secrets)
    seen = await market.world.owner.fetch(
        """select r.actor, r.channel, r.ip::text, r.user_agent <> '' as has_agent
           from key_reveals r join delivered_keys d on d.id = r.delivered_key_id
           join orders o on o.id = d.order_id where o.no = $1""",
        purchase.no,
    )
    assert [tuple(row) for row in seen] == [("guest", "REVEAL", "127.0.0.1/32", True)] * 2
    answer = await market.platform.raw(stall.shop, "{ storefront { name } }")
    assert answer.headers["cache-control"] == "no-store"
    await market.assert_sound()


async def test_keys_cannot_be_opened_before_they_are_paid(market: Market) -> None:
    stall = await market.stall()
    purchase = await market.guest(stall).order(stall)
    for mutation, more in (("keyReveal", {}), ("keysExport", {"format": "TXT"})):
        refused = await purchase.buyer.refused(mutation, **purchase.ref, **more)
        assert refused["code"] == "VALIDATION"
    assert await Books(market.world, stall).keys() == {"HELD": 1}
    await market.assert_sound()


async def test_a_plain_export_has_one_key_a_line_and_a_table_holds_no_formula(
    market: Market,
) -> None:
    stall = await market.stall(keys=len(_FORMULAS), secrets=_FORMULAS)
    books = Books(market.world, stall)
    purchase = await (await market.customer(stall)).order(stall, len(_FORMULAS))
    await purchase.delivered()
    plain = await purchase.buyer.do("keysExport", **purchase.ref, format="TXT")
    assert plain["fileName"] == f"{purchase.no}.txt"
    assert sorted(plain["content"].splitlines()) == sorted(_FORMULAS)

    table = await purchase.buyer.do("keysExport", **purchase.ref, format="CSV")
    assert table["fileName"] == f"{purchase.no}.csv"
    rows = list(csv.DictReader(io.StringIO(table["content"].removeprefix("\ufeff"))))
    written = sorted(row["key"] for row in rows)
    assert written == sorted(
        f"'{secret}" if secret[0] in "=+-@" else secret for secret in _FORMULAS
    )
    for row in rows:
        assert not any(cell[:1] in tuple("=+-@\t\r") for cell in row.values() if cell)
        original = row["key"].removeprefix("'")
        computed = hashlib.sha256(bytes.fromhex(row["salt"]) + original.encode())
        assert computed.hexdigest() == row["commitment"]
    assert await books.keys() == {"REVEALED": len(_FORMULAS)}
    await market.assert_sound()


async def test_one_named_key_is_opened_and_the_others_stay_closed(market: Market) -> None:
    stall, other_stall = await market.stall(keys=3), await market.stall()
    buyer = await market.customer(stall)
    books = Books(market.world, stall)
    purchase = await buyer.order(stall, 3)
    await purchase.delivered()
    elsewhere = await market.guest(other_stall).order(other_stall)
    await elsewhere.delivered()
    mine, foreign = [(await one.line())["keys"][0]["id"] for one in (purchase, elsewhere)]
    opened = await buyer.do("keyReveal", **purchase.ref, deliveredKeyIds=[mine])
    assert [key["id"] for key in opened["keys"]] == [mine]
    assert await books.keys() == {"SOLD": 2, "REVEALED": 1}
    for ids in ([foreign], [mine, foreign], ["dky_nonsense"], []):
        refused = await buyer.refused("keyReveal", **purchase.ref, deliveredKeyIds=ids)
        assert refused["code"] in ("NOT_FOUND", "VALIDATION")
    assert await books.keys() == {"SOLD": 2, "REVEALED": 1}
    await market.assert_sound()
