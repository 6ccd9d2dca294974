"""A buyer of a third-level shop pays by card and has the key; every party has its share."""

from processes import Platform
from world import World

from entrypoints.verify import verify
from kernel.ids import public_id
from kernel.settings import Settings

QUOTE = """query ($sku: ID!) { quote(input: {lines: [{skuId: $sku, quantity: 1}]}) {
  __typename ... on Quote { id total { amountMinor } } ... on Problem { code message } } }"""
ORDER = """mutation ($input: OrderCreateInput!) { orderCreate(input: $input) {
  __typename ... on OrderCreated { guestToken order { no status lines { commitments } } }
  ... on Problem { code message field } } }"""
PAY = """mutation ($input: PaymentStartInput!) { paymentStart(input: $input) {
  __typename ... on PaymentStarted { status actionUrl } ... on Problem { code message } } }"""


async def test_a_card_payment_delivers_and_splits(
    platform: Platform, world: World, config: Settings
) -> None:
    sku = public_id("sku", world.goods.sku_id)
    quote = (await platform.ask(world.shop, QUOTE, {"sku": sku}))["quote"]
    assert quote["total"]["amountMinor"] == 11000
    made = (
        await platform.ask(
            world.shop,
            ORDER,
            {"input": {"quoteId": quote["id"], "idempotencyKey": "k" * 30, "contact": "a@b.cn"}},
        )
    )["orderCreate"]
    assert made["__typename"] == "OrderCreated", made
