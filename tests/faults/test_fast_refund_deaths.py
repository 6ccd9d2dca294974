"""The platform dies while a claim is accepted and while it is decided: each happens once."""

from typing import Final

import pytest

from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer
from faults.lives import always_revived
from faults.test_crash_points import CLAIMS, CLAIMS_OF_WORKER
from kernel.ids import public_id
from kernel.settings import Settings
from patience import until
from processes import Platform
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]

DEPOSIT_MINOR: Final = 50_000
_CREDIT: Final = """mutation ($input: DepositCreditInput!) { depositCredit(input: $input) {
  __typename ... on Problem { code } } }"""
_ACCEPT: Final = """mutation ($input: FastRefundAcceptInput!) { fastRefundAccept(input: $input) {
  __typename ... on FastRefundChanged { fastRefund { state } } ... on Problem { code } } }"""


class Operator(Buyer):
    """Who accepts a claim, and asks until somebody answers."""

    async def put_down(self, party_id: str) -> None:
        """A bank transfer has come for a deposit."""
        wish = {
            "partyId": party_id,
            "amount": {"amountMinor": DEPOSIT_MINOR, "currency": "CNY"},
            "bankReference": "bank-1",
            "idempotencyKey": f"{self.key}-deposit",
        }
        done = await self._insist(_CREDIT, {"input": wish})
        assert done["__typename"] == "DepositChanged", done

    async def accept(self, order_no: str, line_id: str) -> None:
        """Accept; asking again with the same key pays no more."""
        wish = {"orderNo": order_no, "lineId": line_id, "kind": "INVALID"}
        done = await self._insist(_ACCEPT, {"input": {**wish, "idempotencyKey": self.key}})
        assert done["__typename"] == "FastRefundChanged", done


async def test_a_claim_is_paid_once_and_decided_once_wherever_the_platform_dies(
    platform: Platform, world: World, config: Settings
) -> None:
    supplier_id = world.goods.supplier_id
    rich = await world.customer(wallet_minor=PRICE_MINOR)
    buyer = Buyer(platform, world.shop, world.goods, customer=rich)
    await buyer.buy_from_wallet()
    (line,) = (await buyer.until("DELIVERED"))["lines"]
    await buyer.open_key(line["keys"][0]["id"])
    operator = Operator(platform, world.shop, world.goods, customer=await world.operator())
    await operator.put_down(public_id("sup", supplier_id))
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=CLAIMS[0])
    platform.worker.kill()

    async with always_revived(platform.api, crash_at=CLAIMS[1:]) as deaths:
        await operator.accept(buyer.order_no, buyer.line_id)
    await world.shift_clock("25 hours")
    platform.worker.start(KAMENG_CRASH_AT=CLAIMS_OF_WORKER)

    async def is_decided() -> bool:
        state: str = await world.owner.fetchval("select state from fast_refunds")
        return state == "UPHELD"

    async with always_revived(platform.worker) as more_deaths:
        await until(is_decided)

    assert deaths == [platform.api.name] * len(CLAIMS)
    assert more_deaths == [platform.worker.name]
    deposit_minor = await world.owner.fetchval(
        """select -sum(entry.amount_minor)::bigint from ledger_entries entry
           join ledger_accounts account on account.id = entry.account_id
           where account.code = 'L:DEPOSIT:FREE' and account.owner_id = $1""",
        supplier_id,
    )
    assert deposit_minor == DEPOSIT_MINOR, "from a wallet there is no fee that is lost"
    assert await verify(config.database_url) == []
