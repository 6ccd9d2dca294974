"""Shops side by side, each with something of everything, and each thing marked as its owner's.

Every text of a tenant holds `<slug>canary`, every price is a number that stands nowhere else: what
reaches the wrong reader is recognised wherever it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg

from billing import payments
from billing.payment_methods.base import ChannelReport
from catalog.forms.fields import Choice, FieldKind, FormField, define_form
from isolation.api import Api
from kernel import db
from kernel.ids import new_id, parse_id, public_id
from orders import settlement
from world import (
    Goods,
    Person,
    ShopAt,
    World,
    plant_goods,
    plant_tenant,
    plant_wallet_money,
)

SUPPLY: Final = 73_137
HIDDEN_SUPPLY: Final = 61_129
#: What each level adds, in minor units: to its children's price, and in its own shop.
WHOLESALE: Final = {"root": 10_091, "agent": 10_093}
RETAIL: Final = {"root": 50_021, "agent": 20_011, "shop": 30_011, "rival": 40_009}
STAFF_ROLES: Final = ("OWNER", "FINANCE", "SUPPORT", "CATALOGUE", "READ_ONLY")
PASSWORD: Final = "correct horse battery"
_PHONES: Final = {
    "root": "13800138001", "agent": "13800138002", "shop": "13800138003", "rival": "13800138004",
}  # fmt: skip

_FORM: Final = (
    FormField(name="note", kind=FieldKind.TEXT, label_zh="备注", required=False),
    FormField(
        name="side",
        kind=FieldKind.SELECT,
        label_zh="阵营",
        required=False,
        choices=(Choice("north", "北", "North"), Choice("south", "南", "South")),
    ),
)

QUOTE = """query ($sku: ID!) { quote(input: {lines: [{skuId: $sku, quantity: 2}]}) {
  ... on Quote { id total { amountMinor } } } }"""
_ORDER = """{ order { id no total { amountMinor } lines { id keys { id } } } guestToken }"""
CREATE = f"""mutation ($input: OrderCreateInput!) {{ orderCreate(input: $input) {{
  __typename ... on OrderCreated {_ORDER} ... on Problem {{ code message }} }} }}"""
BUY = f"""mutation ($input: QuickBuyInput!) {{ quickBuy(input: $input) {{
  __typename ... on OrderCreated {_ORDER} ... on Problem {{ code message }} }} }}"""
_LINES = """query ($no: String!, $token: String) { order(no: $no, guestToken: $token) {
  lines { id keys { id } } } }"""
_REVEAL = """mutation ($input: KeyRevealInput!) { keyReveal(input: $input) {
  ... on KeysRevealed { keys { secret } } } }"""
_CANCEL = """mutation ($input: OrderRef!) { orderCancel(input: $input) { __typename } }"""
_PUT_IN = """mutation ($input: CartLinesAddInput!) { cartLinesAdd(input: $input) {
  ... on CartChanged { cartToken cart { lines { id } } } ... on Problem { code message } } }"""
_SAVE = """mutation ($input: ContactSaveInput!) { contactSave(input: $input) {
  ... on ContactsChanged { savedContacts { id } } ... on Problem { code message } } }"""
_SIGN_UP = """mutation ($input: SignUpInput!) { signUp(input: $input) {
  __typename ... on SignedIn { token } ... on Problem { code message } } }"""


@dataclass(frozen=True)
class HeldOrder:
    """An order and what opens it."""

    id: UUID
    no: str
    token: str | None
    line_id: str
    key_ids: tuple[str, ...]


@dataclass
class Holdings:
    """What one shop has: people, orders of a customer and of guests, lists to page through."""

    shop: ShopAt
    people: dict[str, Person] = field(default_factory=dict)
    customers: dict[str, HeldOrder] = field(default_factory=dict)
    guests: dict[str, HeldOrder] = field(default_factory=dict)
    sku_id: str = ""
    quote_id: str = ""
    affiliate_code: str = ""
    idempotency_key: str = ""
    cart_token: str = ""
    cart_lines: dict[str, str] = field(default_factory=dict)
    """The line in the cart of each kind of buyer."""
    contact_ids: list[str] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @property
    def marker(self) -> str:
        """What stands in every text of this shop."""
        return f"{self.shop.slug}canary"

    @property
    def email(self) -> str:
        """The customer's address."""
        return f"{self.marker}@example.com"

    @property
    def phone(self) -> str:
        """The customer's number."""
        return _PHONES[self.shop.slug]

    @property
    def orders(self) -> list[HeldOrder]:
        """All of them."""
        return [*self.customers.values(), *self.guests.values()]


@dataclass(frozen=True)
class Neighbourhood:
    """Root, its agent, and the agent's two shops; goods for all, and goods that `shop` hides."""

    world: World
    owner: asyncpg.Connection
    holdings: Mapping[str, Holdings]
    goods: Goods
    hidden: Goods

    def at(self, slug: str) -> Holdings:
        """The holdings of a shop."""
        return self.holdings[slug]

    def retail_minor(self, shop: ShopAt) -> int:
        """What a piece of the goods costs a shop's buyers."""
        return self.cost_minor(shop) + RETAIL[shop.slug]

    def cost_minor(self, shop: ShopAt) -> int:
        """What a piece of the goods costs a shop: the supply price and every level's margin."""
        return SUPPLY + sum(list(WHOLESALE.values())[: len(shop.path) - 1])


async def build_neighbourhood(owner: asyncpg.Connection, api: Api) -> Neighbourhood:
    """Plant the tree and let every shop trade for a while."""
    world = await _plant_tree(owner)
    hidden = await world.more_goods("hiddencanary", supply_minor=HIDDEN_SUPPLY)
    await owner.execute(
        "update suppliers set name = 'othersuppliercanary' where id = $1", hidden.supplier_id
    )
    await world.keys(480)
    await world.keys(100, hidden)
    await owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, visible) values ($1, $2, false)",
        world.shop.id,
        hidden.sku_id,
    )
    rival = await plant_tenant(owner, "rival", parent=world.agent)
    await world.rule(rival, "RETAIL", "FIXED_OVER_COST", RETAIL["rival"])
    holdings = {}
    for shop in (world.root, world.agent, world.shop, rival):
        holdings[shop.slug] = await _trade(world, api, shop)
    root = holdings["root"].people
    root["SUPPLIER"] = await world.supplier_token()
    root["OPERATOR"] = await world.operator()
    return Neighbourhood(world, owner, holdings, world.goods, hidden)


async def _plant_tree(owner: asyncpg.Connection) -> World:
    root = await plant_tenant(owner, "root", parent=None)
    agent = await plant_tenant(owner, "agent", parent=root)
    shop = await plant_tenant(owner, "shop", parent=agent)
    category_id = new_id()
    await owner.execute(
        """insert into categories (id, path, slug, name_zh, name_en)
           values ($1, array[$1::uuid], 'games', '游戏', 'Games')""",
        category_id,
    )
    goods = await plant_goods(owner, category_id, "moon-card", supply_minor=SUPPLY)
    await owner.execute("update suppliers set name = 'suppliercanary'")
    await define_form(sku_id=goods.sku_id, fields=_FORM)
    world = World(owner, root, agent, shop, category_id, goods)
    for tenant in (root, agent, shop):
        await world.rule(tenant, "RETAIL", "FIXED_OVER_COST", RETAIL[tenant.slug])
    for tenant in (root, agent):
        await world.rule(tenant, "WHOLESALE", "FIXED_OVER_COST", WHOLESALE[tenant.slug])
    return world


async def _trade(world: World, api: Api, shop: ShopAt) -> Holdings:
    """People, then orders: of a customer by wallet, of guests by card."""
    mine = Holdings(shop)
    await world.owner.execute(
        "update tenants set name = slug || 'title', support_contact = $2 where id = $1",
        shop.id,
        f"{mine.marker} support",
    )
    await _hire(world, api, mine)
    mine.sku_id = sku = public_id("sku", world.goods.sku_id)
    await renew(api, mine, "unopened", "delivered", "pending", "payable")
    for name in ("unopened", "delivered", "pending", "payable"):
        mine.guests[name] = await _guest_order(world.owner, api, mine, sku, name)
    mine.quote_id = (await api.ask(shop, QUOTE, {"sku": sku})).accepted["id"]
    await _fill_carts(api, mine)
    await _open_keys(api, mine)
    await _take_cursors(api, mine)
    return mine


async def renew(api: Api, mine: Holdings, *names: str) -> None:
    """Give the customer fresh orders of these names; unpaid old ones end."""
    buyer = mine.people["CUSTOMER"]
    for name in names:
        paid = name in ("unopened", "delivered")
        if not paid and name in mine.customers:
            await cancel(api, mine, mine.customers[name].no)
        made = await _buy(api, mine, mine.sku_id, payment="WALLET" if paid else None)
        mine.customers[name] = await _held(api, mine, made, buyer)


async def cancel(api: Api, mine: Holdings, order_no: str) -> None:
    """Give up an unpaid order of the customer's."""
    wish = {"input": {"orderNo": order_no}}
    await api.ask(mine.shop, _CANCEL, wish, by=mine.people["CUSTOMER"])


async def _hire(world: World, api: Api, mine: Holdings) -> None:
    shop, owner = mine.shop, world.owner
    account = {"email": mine.email, "phone": mine.phone, "password": PASSWORD, "name": mine.marker}
    signed_up = await api.ask(shop, _SIGN_UP, {"input": account})
    customer_id = await owner.fetchval("select id from customers where tenant_id = $1", shop.id)
    mine.people["CUSTOMER"] = Person(customer_id, signed_up.accepted["token"])
    await plant_wallet_money(owner, shop.id, customer_id, 500_000_000)
    for role in STAFF_ROLES:
        mine.people[f"STAFF_{role}"] = await world.staff(role, shop=shop)
    mine.people["API_CLIENT"] = await world.api_client(shop)
    mine.affiliate_code = f"{mine.marker}aff"
    mine.people["AFFILIATE"] = await world.affiliate(mine.affiliate_code, shop=shop)
    for table in ("api_clients", "affiliates", "affiliate_programs"):
        await owner.execute(f"update {table} set name = $2 where tenant_id = $1", shop.id,
                            f"{mine.marker} {table}")  # fmt: skip


async def _buy(api: Api, mine: Holdings, sku: str, *, payment: str | None = None) -> dict[str, Any]:
    quoted = await api.ask(mine.shop, QUOTE, {"sku": sku})
    wish = {
        "skuId": sku,
        "quantity": 2,
        "expectedTotal": {**quoted.accepted["total"], "currency": "CNY"},
        "payment": payment,
        "contact": f"{mine.marker}@contact.example",
        "affiliateCode": mine.affiliate_code,
        "idempotencyKey": f"{mine.marker}-{new_id().hex}",
        "form": [{"fieldName": "note", "value": f"{mine.marker} says"}],
    }
    answer = await api.ask(mine.shop, BUY, {"input": wish}, by=mine.people["CUSTOMER"])
    made: dict[str, Any] = answer.accepted
    return made


async def _guest_order(
    owner: asyncpg.Connection, api: Api, mine: Holdings, sku: str, name: str
) -> HeldOrder:
    quote = (await api.ask(mine.shop, QUOTE, {"sku": sku})).accepted
    mine.idempotency_key = f"{mine.marker}-{new_id().hex}"
    wish = {
        "quoteId": quote["id"],
        "idempotencyKey": mine.idempotency_key,
        "contact": f"{mine.marker}@contact.example",
        "affiliateCode": mine.affiliate_code,
    }
    made = (await api.ask(mine.shop, CREATE, {"input": wish})).accepted
    if name in ("unopened", "delivered"):
        order_id = parse_id("ord", made["order"]["id"])
        await pay_by_card(mine.shop, order_id, made["order"]["total"]["amountMinor"])
    return await _held(api, mine, made, None)


async def pay_by_card(shop: ShopAt, order_id: UUID, total_minor: int) -> None:
    """Let a channel report that an order's money has come."""
    payment_id = new_id()
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await payments.open_payment(
            payments.draft(
                payment_id=payment_id,
                tenant_id=shop.id,
                purpose="ORDER",
                order_id=order_id,
                customer_id=None,
                method="CARD",
                currency="CNY",
                channel_minor=total_minor,
                wallet_minor=0,
            )
        )
    report = ChannelReport(
        provider="stripe",
        event_id=f"evt_{payment_id.hex}",
        kind="payment_intent.succeeded",
        state="SUCCEEDED",
        provider_ref=f"pi_{payment_id.hex}",
        payment_id=payment_id,
        amount_minor=total_minor,
        currency="CNY",
    )
    assert (await settlement.hear(report)).effect == "SETTLED"


async def _held(api: Api, mine: Holdings, made: dict[str, Any], buyer: Person | None) -> HeldOrder:
    order, token = made["order"], made["guestToken"]
    found = await api.ask(mine.shop, _LINES, {"no": order["no"], "token": token}, by=buyer)
    (line,) = found.accepted["lines"]
    key_ids = tuple(key["id"] for key in line["keys"])
    return HeldOrder(parse_id("ord", order["id"]), order["no"], token, line["id"], key_ids)


async def _fill_carts(api: Api, mine: Holdings) -> None:
    wish = {"input": {"lines": [{"skuId": mine.sku_id, "quantity": 1}]}}
    for role in ("CUSTOMER", "ANONYMOUS"):
        answer = await api.ask(mine.shop, _PUT_IN, wish, by=mine.people.get(role))
        made = answer.accepted
        mine.cart_lines[role] = made["cart"]["lines"][0]["id"]
        mine.cart_token = made["cartToken"] or mine.cart_token
    saved = {"input": {"kind": "ACCOUNT", "value": f"{mine.marker} account"}}
    kept = await api.ask(mine.shop, _SAVE, saved, by=mine.people["CUSTOMER"])
    mine.contact_ids = [one["id"] for one in kept.accepted["savedContacts"]]


async def _open_keys(api: Api, mine: Holdings) -> None:
    order = mine.customers["delivered"]
    opened = await api.ask(
        mine.shop, _REVEAL, {"input": {"orderNo": order.no}}, by=mine.people["CUSTOMER"]
    )
    mine.secrets = tuple(key["secret"] for key in opened.accepted["keys"])


async def _take_cursors(api: Api, mine: Holdings) -> None:
    lists = {
        "products": "CUSTOMER",
        "orders": "CUSTOMER",
        "tenantOrders": "STAFF_OWNER",
        "catalogueToList": "STAFF_OWNER",
    }
    for name, role in lists.items():
        page = await api.ask(
            mine.shop,
            f"{{ {name}(first: 1) {{ pageInfo {{ endCursor }} }} }}",
            by=mine.people[role],
        )
        mine.cursors[name] = page.accepted["pageInfo"]["endCursor"]
