"""Goods that a person delivers, and whoever stands at the desk for them."""

from dataclasses import dataclass, field
from uuid import UUID

from catalog.forms.fields import FieldKind, FormField, define_form
from orders.manual import desk as manual_desk
from orders.manual.buyer import cancel_line, correct
from orders.manual.desk import Delivery
from orders.manual.tasks import Deliverer
from orders.reveal import Witness
from sales import Purchase, SalesDesk, key
from supply.places import declare_places
from world import Goods, World

UID = FormField(name="uid", kind=FieldKind.ACCOUNT_ID, label_zh="游戏 UID", pattern=r"\d{9}")
SERVER = FormField(name="server", kind=FieldKind.TEXT, label_zh="区服", required=False)
SAID = {"uid": "100200300", "server": "cn"}
MINUTES = 60
SUPPLIER = Witness("supplier:test", "127.0.0.1", "desk")
BUYER = Witness("buyer", "127.0.0.1", "phone")


async def open_by_hand(
    world: World,
    goods: Goods | None = None,
    *,
    mode: str = "DIRECT_TOPUP",
    quantity: int = 5,
    asks: bool = True,
) -> Goods:
    """Let a person deliver a SKU: a top-up of an account by default, with so many places."""
    goods = goods or world.goods
    await world.owner.execute(
        "update skus set delivery_mode = $2, manual_minutes = $3 where id = $1",
        goods.sku_id,
        mode,
        MINUTES,
    )
    await world.owner.execute(
        "update supplier_listings set by_hand = true where id = $1", goods.listing_id
    )
    if asks:
        await define_form(sku_id=goods.sku_id, fields=[UID, SERVER])
    await declare_places(
        listing_id=goods.listing_id, supplier_id=goods.supplier_id, quantity=quantity
    )
    return goods


@dataclass
class HandDesk:
    """The supplier's desk, and the buyer of one line at the other end of it."""

    desk: SalesDesk = field(repr=False)
    bought: Purchase
    line_id: UUID

    @property
    def deliverer(self) -> Deliverer:
        """The supplier of the world's goods."""
        world = self.desk.world
        return Deliverer(world.goods.supplier_id, world.root.id, SUPPLIER)

    async def begin(self) -> dict[str, str]:
        """What the buyer has said, by its names."""
        answers = await manual_desk.begin(self.deliverer, self.line_id)
        return {answer.name: answer.value for answer in answers}

    async def deliver(self, *contents: str, note: str | None = None, again: str = "") -> None:
        await manual_desk.deliver(
            self.deliverer,
            self.line_id,
            delivery=Delivery.of(contents, note),
            idempotency_key=again or key(),
        )

    async def ask(self, *fields: str, message: str = "No such account.") -> None:
        await manual_desk.ask_correction(
            self.deliverer, self.line_id, fields=fields, message=message
        )

    async def refuse(self, reason: str = "Out of service.") -> None:
        await manual_desk.refuse(self.deliverer, self.line_id, reason=reason, idempotency_key=key())

    async def correct(self, **values: str) -> None:
        await correct(
            shop=self.bought.shop,
            viewer=self.bought.viewer,
            order_no=self.bought.no,
            line_id=self.line_id,
            values=values,
            witness=BUYER,
        )

    async def cancel(self) -> None:
        await cancel_line(
            shop=self.bought.shop,
            viewer=self.bought.viewer,
            order_no=self.bought.no,
            line_id=self.line_id,
            witness=BUYER,
            idempotency_key=key(),
        )

    async def state(self) -> str:
        """How far the delivery is, as it is stored."""
        state: str = await self.desk.owner.fetchval(
            "select state from manual_deliveries where line_id = $1", self.line_id
        )
        return state

    async def go_to(self, state: str) -> None:
        """Bring a delivery that is due into a state."""
        if state in ("BEGUN", "NEEDS_CORRECTION", "DELIVERED"):
            await self.begin()
        if state == "NEEDS_CORRECTION":
            await self.ask("uid")
        elif state == "DELIVERED":
            await self.deliver()
        elif state == "REFUSED":
            await self.refuse()
        elif state == "CANCELED":
            await self.cancel()
        assert await self.state() == state
