"""What a buyer says for a SKU: checked alike while typing, in an order and in a quick buy."""

from typing import Any

import pytest

from catalog.forms.fields import Choice, FieldKind, FormField, define_form
from entrypoints.verify import verify
from identity.contact import open_field
from kernel import db
from kernel.crypto import CannotDecrypt, Sealed
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from offers.cart import carts
from offers.cart.lines import CartWish
from offers.cart.storing import Holder
from offers.form_values import check_form, checked
from offers.quotes import Wish
from orders import checkout, paying, placing
from orders.checkout import Buyer, OrderMade
from orders.idempotency import IdempotencyConflict
from orders.queries import order_view_by_id
from sales import SalesDesk, key

UID = FormField(
    name="uid",
    kind=FieldKind.ACCOUNT_ID,
    label_zh="游戏 UID",
    label_en="UID",
    pattern=r"\d{9}",
)
SERVER = FormField(
    name="server",
    kind=FieldKind.SELECT,
    label_zh="服务器",
    required=False,
    choices=(Choice("cn", "天空岛"), Choice("os", "国际服")),
)
GOOD = {"uid": "100200300"}
IP = "203.0.113.7"


def field(kind: FieldKind, **terms: Any) -> FormField:
    return FormField(name="it", kind=kind, label_zh="它", **terms)


@pytest.mark.parametrize(
    ("asked", "text", "kept"),
    [
        (field(FieldKind.TEXT), "  hello ", "hello"),
        (field(FieldKind.TEXT, max_length=3), "four", "This field has 1 to 3 characters."),
        (field(FieldKind.TEXT), "a\x07b", "This field has printable characters only."),
        (field(FieldKind.TEXT), "   ", "This field must be filled in."),
        (field(FieldKind.NUMBER), "007", "7"),
        (field(FieldKind.NUMBER), "7.5", "This is not a whole number."),
        (field(FieldKind.NUMBER, least=1, most=9), "0", "The number is at least 1."),
        (field(FieldKind.NUMBER, least=1, most=9), "10", "The number is at most 9."),
        (field(FieldKind.PHONE), "138 0013 8000", "+8613800138000"),
        (field(FieldKind.PHONE), "12", "This is not a phone number."),
        (field(FieldKind.EMAIL), "Me@Example.com", "me@example.com"),
        (field(FieldKind.EMAIL), "me", "This is not an e-mail address."),
        (field(FieldKind.ACCOUNT_ID, pattern=r"\d{3}"), "123", "123"),
        (field(FieldKind.ACCOUNT_ID, pattern=r"\d{3}"), "1234", "This is not such an account"
         " number."),
        (field(FieldKind.SELECT, choices=(Choice("a", "甲"),)), "a", "a"),
        (field(FieldKind.SELECT, choices=(Choice("a", "甲"),)), "b", "Choose one of those that are"
         " offered."),
    ],
)  # fmt: skip
def test_each_kind_keeps_one_spelling_or_says_what_is_wrong(
    asked: FormField, text: str, kept: str
) -> None:
    found = checked([asked], {"it": text})
    if found.problems:
        (problem,) = found.problems
        assert (problem.message, problem.field, found.values) == (kept, "form.it", {})
    else:
        assert found.values == {"it": kept}


def test_every_field_is_told_at_once_and_a_strange_name_is_not_repeated() -> None:
    found = checked([UID, SERVER], {"server": "moon", "<b>": "x", "other": "y"})
    assert [one.field for one in found.problems] == [
        "form.?", "form.other", "form.uid", "form.server",
    ]  # fmt: skip
    assert checked([SERVER], {}).problems == ()


@pytest.mark.parametrize(
    "fields",
    [
        [UID, UID],
        [field(FieldKind.TEXT, pattern="a")],
        [field(FieldKind.ACCOUNT_ID, pattern="(a+)+")],
        [field(FieldKind.SELECT)],
        [field(FieldKind.TEXT, choices=(Choice("a", "甲"),))],
        [field(FieldKind.TEXT, min_length=5, max_length=4)],
        [field(FieldKind.TEXT, max_length=201)],
        [field(FieldKind.NUMBER, least=2, most=1)],
        [FormField(name="Big", kind=FieldKind.TEXT, label_zh="它")],
        [FormField(name="it", kind=FieldKind.TEXT, label_zh="")],
        [FormField(name=f"f{n}", kind=FieldKind.TEXT, label_zh="它") for n in range(13)],
    ],
)
async def test_a_form_that_cannot_be_filled_in_is_not_stored(
    desk: SalesDesk, fields: list[FormField]
) -> None:
    with pytest.raises(Invalid):
        await define_form(sku_id=desk.world.goods.sku_id, fields=fields)
    assert await desk.owner.fetchval("select form_fields::text from skus") == "[]"


async def test_a_form_is_of_a_sku_that_there_is(desk: SalesDesk) -> None:
    with pytest.raises(NotFound):
        await define_form(sku_id=new_id(), fields=[UID])


@pytest.fixture
async def asking(desk: SalesDesk) -> SalesDesk:
    """A shop whose goods ask for an account number."""
    await desk.world.keys(5)
    await define_form(sku_id=desk.world.goods.sku_id, fields=[UID, SERVER])
    return desk


async def order(desk: SalesDesk, said: dict[str, str], *, again: str | None = None) -> OrderMade:
    shop = await desk.shop()
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 2)])
    return await checkout.create_order(
        shop=shop,
        buyer=Buyer(),
        quote_id=quote.id,
        contact=None,
        affiliate_code=None,
        idempotency_key=again or key(),
        said={desk.world.goods.sku_id: said} if said else None,
    )


async def quick_buy(
    desk: SalesDesk, said: dict[str, str], *, idempotency_key: str, customer_id: Any
) -> OrderMade:
    return await paying.quick_buy(
        shop=await desk.shop(),
        buyer=Buyer(customer_id),
        wish=Wish(desk.world.goods.sku_id, 1),
        expected_total_minor=11_000,
        contact=None,
        affiliate_code=None,
        method="WALLET",
        idempotency_key=idempotency_key,
        said=said,
    )


async def nothing_written(desk: SalesDesk) -> bool:
    return not await desk.owner.fetchval(
        """select (select count(*) from orders) + (select count(*) from order_forms)
                  + (select count(*) from idempotency_records)"""
    ) and await desk.key_states() == {"AVAILABLE": 5}


async def test_values_are_checked_while_they_are_typed(asking: SalesDesk) -> None:
    shop, sku_id = await asking.shop(), asking.world.goods.sku_id
    found = await check_form(shop, sku_id=sku_id, values={"uid": "12"})
    assert [one.field for one in found.problems] == ["form.uid"]
    assert (await check_form(shop, sku_id=sku_id, values=GOOD)).values == GOOD
    with pytest.raises(NotFound):
        await check_form(shop, sku_id=new_id(), values=GOOD)
    assert await nothing_written(asking)


@pytest.mark.parametrize("said", [{}, {"uid": "12"}, {**GOOD, "other": "x"}])
async def test_an_order_with_wrong_values_is_refused_and_nothing_is_written(
    asking: SalesDesk, said: dict[str, str]
) -> None:
    customer = await asking.world.customer(wallet_minor=20_000)
    with pytest.raises(Invalid) as refused:
        await order(asking, said)
    assert str(refused.value.field).startswith("form.")
    with pytest.raises(Invalid):
        await quick_buy(asking, said, idempotency_key=key(), customer_id=customer.id)
    assert await nothing_written(asking)


async def test_the_answers_lie_sealed_for_their_line_and_open_with_the_words_of_that_day(
    asking: SalesDesk,
) -> None:
    made = await order(asking, {"uid": " 100200300 ", "server": "cn"})
    row = await asking.owner.fetchrow("select * from order_forms")
    assert row is not None and b"100200300" not in row["form"]
    with pytest.raises(CannotDecrypt):
        sealed = Sealed(row["form_key_id"], row["form"])
        open_field(sealed, row_id=new_id(), column="order_forms.form")

    await define_form(sku_id=asking.world.goods.sku_id, fields=[])
    read = await order_view_by_id(shop=await asking.shop(), order_id=made.order_id)
    for view in (made.view, read):
        assert view is not None
        (line,) = view.lines
        assert line.form is not None
        assert [(one.label_zh, one.value) for one in line.form.answers()] == [
            ("游戏 UID", "100200300"),
            ("服务器", "cn"),
        ]


async def test_a_quick_buy_from_the_wallet_carries_its_answers_once(
    asking: SalesDesk, database: Any
) -> None:
    customer = await asking.world.customer(wallet_minor=50_000)
    once = key()
    made = [
        await quick_buy(asking, GOOD, idempotency_key=once, customer_id=customer.id)
        for _ in range(2)
    ]
    assert made[0].order_id == made[1].order_id
    with pytest.raises(IdempotencyConflict):
        await quick_buy(asking, {"uid": "999999999"}, idempotency_key=once, customer_id=customer.id)
    assert await asking.owner.fetchval("select count(*) from order_forms") == 1
    assert await verify(database.database_url) == []


async def test_an_order_that_waits_for_keys_writes_its_answers_too(
    asking: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def short(*_: object) -> None:
        raise placing.Short

    monkeypatch.setattr(placing, "place_at_once", short)
    await order(asking, GOOD)
    assert await asking.owner.fetchval("select count(*) from order_forms") == 1


async def test_a_cart_says_what_an_order_would(asking: SalesDesk) -> None:
    shop, wish = await asking.shop(), Wish(asking.world.goods.sku_id, 1)
    without = await carts.add_lines(shop, Holder(), [CartWish(wish)], ip=IP)
    assert without.cart.quote is None
    assert without.cart.problem is not None and without.cart.problem.field == "form.uid"
    with_words = await carts.add_lines(
        shop, Holder(token=without.token), [CartWish(wish, GOOD)], ip=IP
    )
    assert with_words.cart.quote is not None


async def test_an_order_that_asks_for_nothing_costs_what_it_always_did(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    statements: list[str] = []
    token = db.statement_log.set(statements)
    await order(desk, {})
    db.statement_log.reset(token)
    assert [one for one in statements if "order_forms" in one] == []
