"""Shops that prepay and buy at cost, and try again: they too know only what they were told."""

from faults.buyers import Buyer
from kernel.ids import public_id
from world import ShopAt

COST_MINOR = 9_000
"""What the world's third-level shop pays for one key."""

_CREDIT = """mutation ($input: TradeBalanceCreditInput!) { tradeBalanceCredit(input: $input) {
  __typename ... on Problem { code message } } }"""
_TRANSFER = """mutation ($input: TransferToChildInput!) { transferToChild(input: $input) {
  __typename ... on TradeBalance { trade { amountMinor } } ... on Problem { code message } } }"""
_PURCHASE = """mutation ($input: PurchaseAtCostInput!) { purchaseAtCost(input: $input) {
  __typename ... on PurchaseMade { order { no } keys { secret } }
  ... on Problem { code message } } }"""


class Reseller(Buyer):
    """Somebody who acts for a shop, with a token of its staff; or an operator at its address."""

    async def credit(self, amount_minor: int) -> None:
        """Write down a bank transfer; asking again with the same key credits no more."""
        wish = {**self._amount(amount_minor), "bankReference": self.key}
        credited = await self._insist(_CREDIT, {"input": wish})
        assert credited["__typename"] == "TradeBalance", credited

    async def transfer(self, child: ShopAt, amount_minor: int) -> None:
        """Move money to a child; asking again with the same key moves no more."""
        wish = {**self._amount(amount_minor), "childSlug": child.slug}
        moved = await self._insist(_TRANSFER, {"input": wish})
        assert moved["__typename"] == "TradeBalance", moved

    async def purchase(self) -> list[str]:
        """Buy a key at cost; asking again with the same key buys no more. Returns the secrets."""
        wish = {
            "lines": [{"skuId": public_id("sku", self.goods.sku_id), "quantity": 1}],
            "maxTotal": {"amountMinor": COST_MINOR, "currency": "CNY"},
            "clientReference": "PO-1",
            "idempotencyKey": self.key,
        }
        bought = await self._insist(_PURCHASE, {"input": wish})
        assert bought["__typename"] == "PurchaseMade", bought
        self.order_no = bought["order"]["no"]
        return [one["secret"] for one in bought["keys"]]

    def _amount(self, amount_minor: int) -> dict[str, object]:
        amount = {"amountMinor": amount_minor, "currency": "CNY"}
        return {"amount": amount, "idempotencyKey": self.key}
