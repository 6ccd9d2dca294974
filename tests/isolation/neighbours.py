"""Shops side by side, each with something of everything, and each thing marked as its owner's.

Every text of a tenant holds `<slug>canary`, every price is a number that stands nowhere else: what
reaches the wrong reader is recognised wherever it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg

from billing import accounts, ledger, payments
from billing.payment_methods.base import ChannelReport, KeptCard
from billing.saved_cards import cards
from book_keepers import plant_reconciliation
from bookkeeping import adjustments
from bookkeeping.adjusted_accounts import AdjustedAccount, AdjustedSide
from bookkeeping.adjustments import AdjustmentMove
from bookkeeping.audit import seal_audit
from catalog.forms.fields import Choice, FieldKind, FormField, define_form
from coupon_issuers import issue
from deposit_desk import put_down
from dispute_desk import disputed, payment_of
from identity.models import ApiScope
from identity.staff_accounts import LOGINS, staff_account
from isolation.api import Api
from isolation.bank_holdings import HeldBank, trade_by_bank
from isolation.money_out import (
    PaidParty,
    party_of,
    plant_challenge,
    plant_party,
    plant_proof,
)
from isolation.plan_holdings import begin_plan, in_parts_of, offer_plans
from isolation.voucher_holdings import HeldVouchers, give_vouchers
from kernel import crypto, db
from kernel.cursors import write as write_cursor
from kernel.ids import new_id, parse_id, public_id
from listeners import plant_delivery, plant_endpoint
from offers.at_cost import CostWish
from offers.price_desk.price_lists.progress import Progress
from offers.price_desk.sheets.price_list import LineProblem
from orders import settlement, trade_terms
from orders.deposits import cases
from orders.fast_refunds import accepting
from patience import until
from points_desk import begin_program, give_points, plant_earnings
from promotions.codes import generate_codes
from schema.field_table.roles import PRICE_WRITERS, PURCHASERS, WEBHOOK_KEEPERS
from supply.places import declare_places
from tenant_tree import put_into
from tenants.directory import Shop, current_shop
from trade_desk import buy, credit
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
#: A difference that reconciliation has found.
RECONCILED_ITEM: Final = UUID(int=0x5ECF0E)
#: What ends a delivery by hand.
ENDS_BY_HAND: Final = ("manualDeliver", "manualRefuse")
STAFF_ROLES: Final = ("OWNER", "FINANCE", "SUPPORT", "CATALOGUE", "READ_ONLY")
PASSWORD: Final = "correct horse battery"
_SHORT_LISTS: Final = {
    "priceRules": "price rules", "priceAlerts": "price alerts", "priceImpact": "price impact",
    "affiliates": "affiliates",
    "affiliateReviews": "affiliate reviews",
    "conversions": "conversions",
}  # fmt: skip
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
QUOTE_BY_HAND = """query ($sku: ID!) { quote(input: {lines: [
  {skuId: $sku, quantity: 2, deliveryMode: MANUAL}]}) {
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

_INVITE = """mutation ($input: StaffInviteInput!) { staffInvite(input: $input) {
  __typename ... on StaffInvited { id token } ... on Problem { code message } } }"""
_ACCEPT = """mutation ($input: StaffInvitationAcceptInput!) { staffInvitationAccept(input: $input) {
  __typename ... on StaffSignedIn { token } ... on Problem { code message } } }"""
_PROGRAM = """mutation ($input: ApiClientCreateInput!) { apiClientCreate(input: $input) {
  __typename ... on ApiClientSecret { clientId } ... on Problem { code message } } }"""


@dataclass(frozen=True)
class HeldOrder:
    """An order and what opens it."""

    id: UUID
    no: str
    token: str | None
    line_id: str
    key_ids: tuple[str, ...]


@dataclass(frozen=True)
class HeldWebhook:
    """A program that listens and a message to it, by the ids that the API takes."""

    id: str
    delivery_id: str


@dataclass(frozen=True)
class PriceDesk:
    """What a shop has written at its price desk, by the ids that the API takes."""

    child_slug: str
    grade_id: str
    tier_id: str
    tier_ids: Mapping[str, str]
    """One for each role that may take one away."""
    promotion_id: str
    upload_id: str
    import_id: str
    rule_ids: Mapping[str, str]
    """One for each role that may delete one."""

    def tier_id_for(self, role: str) -> str:
        """The tier that a role takes away; whoever may not names the owner's."""
        return self.tier_ids.get(role, self.tier_ids["STAFF_OWNER"])

    def rule_id_for(self, role: str) -> str:
        """The rule that a role deletes; whoever may not names the owner's."""
        return self.rule_ids.get(role, self.rule_ids["STAFF_OWNER"])


@dataclass
class Holdings:
    """What one shop has: people, orders of a customer and of guests, lists to page through."""

    shop: ShopAt
    goods: Goods
    people: dict[str, Person] = field(default_factory=dict)
    customers: dict[str, HeldOrder] = field(default_factory=dict)
    guests: dict[str, HeldOrder] = field(default_factory=dict)
    purchases: dict[str, HeldOrder] = field(default_factory=dict)
    """What the shop itself has bought at cost."""
    sku_id: str = ""
    quote_id: str = ""
    affiliate_code: str = ""
    affiliate_program: UUID = UUID(int=0)
    affiliate_review: UUID = field(default_factory=new_id)
    idempotency_key: str = ""
    coupon_code: str = ""
    coupon_id: UUID = UUID(int=0)
    cart_token: str = ""
    cart_lines: dict[str, str] = field(default_factory=dict)
    """The line in the cart of each kind of buyer."""
    contact_ids: list[str] = field(default_factory=list)
    card_ids: list[str] = field(default_factory=list)
    webhooks: dict[str, HeldWebhook] = field(default_factory=dict)
    """One for each role that may end one."""
    cursors: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    staff_id: str = ""
    """Of a member who is there to be changed; signs in with `staff_account`."""
    client_id: str = ""
    invitation_id: str = ""
    child_invitation_id: str = ""
    adjustment_id: str = ""
    statement_ids: dict[str, str] = field(default_factory=dict)
    """By the role of whose party it is; staff's and an operator's are the shop's."""
    invitation_tokens: dict[str, str] = field(default_factory=dict)
    """By the role of who accepts."""

    vouchers: "HeldVouchers | None" = None
    paid: dict[str, PaidParty] = field(default_factory=dict)
    """Who is paid here, by their kind."""
    challenges: dict[str, UUID] = field(default_factory=dict)
    """An id for the challenge of each role."""

    price_desk: "PriceDesk | None" = None
    dispute: UUID = field(default_factory=new_id)
    """Of an order that a guest has paid, and opened."""
    child: UUID = field(default_factory=new_id)
    leaver: UUID = field(default_factory=new_id)
    """A child that has closed, and whose deposit is still there."""
    hold_id: str = ""
    claim_id: str = ""
    domain: UUID = field(default_factory=new_id)

    @property
    def voucher_batches(self) -> dict[str, str]:
        """A batch of vouchers for each role that may end one."""
        assert self.vouchers is not None
        return self.vouchers.batches

    @property
    def voucher_codes(self) -> tuple[str, ...]:
        """Codes that nobody has redeemed."""
        assert self.vouchers is not None
        return self.vouchers.codes

    @property
    def staff_account(self) -> str:
        """What the member signs in with."""
        return f"{self.marker}-staff@example.com"

    @property
    def helpdesk(self) -> str:
        """Where the shop's buyers and its children turn to."""
        return f"{self.shop.slug}helpdesk"

    @property
    def own_host(self) -> str:
        """The domain that the shop has brought."""
        return f"{self.shop.slug}-cards.example"

    @property
    def reset_token(self) -> str:
        """Of a link that sets a new password, of a customer whom nobody else knows."""
        return f"kmp_{self.shop.slug:x<27}"

    @property
    def invitation(self) -> str:
        """An invitation of the shop's that is open."""
        return f"kmi_{self.shop.slug:x<27}"

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
    def reference(self) -> str:
        """The shop's own name of something that it has bought."""
        return f"{self.marker}-order"

    def paid_for(self, role: str) -> PaidParty:
        """For whom a role is paid; an operator decides about the shop's own."""
        return self.paid.get(role, self.paid["TENANT"])

    def proof_for(self, role: str) -> str:
        """The proof that a role shows."""
        return f"kmv_{self.shop.slug}{role.lower()}proof"

    def challenge_for(self, role: str) -> str:
        """The challenge that a role meets."""
        return public_id("chl", self.challenges.setdefault(role, new_id()))

    def webhook_for(self, role: str) -> HeldWebhook:
        """The webhook that a role changes and ends; whoever may not names the owner's."""
        return self.webhooks.get(role, self.webhooks["STAFF_OWNER"])

    @property
    def orders(self) -> list[HeldOrder]:
        """All of them."""
        return [*self.customers.values(), *self.guests.values(), *self.purchases.values()]


@dataclass(frozen=True)
class Neighbourhood:
    """Root, its agent, and the agent's two shops; goods for all, goods that `shop` hides, and goods
    of which there is one piece."""

    world: World
    owner: asyncpg.Connection
    holdings: Mapping[str, Holdings]
    goods: Goods
    hidden: Goods
    scarce: Goods
    by_hand: UUID
    """The listing by which a person of the supplier's delivers the goods."""
    bank: HeldBank
    by_card: UUID
    """A payment that came by card."""

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
    by_hand = await _let_a_person_deliver(world)
    hidden = await world.more_goods("hiddencanary", supply_minor=HIDDEN_SUPPLY)
    await owner.execute(
        "update suppliers set name = 'othersuppliercanary' where id = $1", hidden.supplier_id
    )
    scarce = await world.more_goods("scarce")
    await define_form(sku_id=scarce.sku_id, fields=_FORM)
    await world.keys(480)
    await world.keys(1, scarce)
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
        holdings[shop.slug].price_desk = await _furnish_price_desk(world, shop)
    await until(seal_audit)
    await plant_reconciliation(owner, RECONCILED_ITEM)
    root = holdings["root"].people
    root["SUPPLIER"] = await world.supplier_token()
    root["OPERATOR"] = await world.operator()
    supplier = party_of(world.root.id, "SUPPLIER", root["SUPPLIER"].id)
    holdings["root"].paid["SUPPLIER"] = await plant_party(owner, supplier)
    buyer = holdings["shop"].people["CUSTOMER"]
    bank = await trade_by_bank(owner, await _shop_of(world.shop), buyer)
    by_card = await owner.fetchval(
        """select id from payments
           where method = 'CARD' and status = 'SUCCEEDED' and customer_id is null
             and tenant_id <> $1 order by id limit 1""",
        rival.id,
    )
    goods = world.goods
    return Neighbourhood(world, owner, holdings, goods, hidden, scarce, by_hand, bank, by_card)


async def _let_a_person_deliver(world: World) -> UUID:
    """Beside keys the supplier delivers the goods by hand; returns the listing."""
    listing_id, goods = new_id(), world.goods
    await world.owner.execute("update skus set manual_minutes = 60 where id = $1", goods.sku_id)
    await world.owner.execute(
        """insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency,
                                          by_hand)
           values ($1, $2, $3, $4, 'CNY', true)""",
        listing_id,
        goods.supplier_id,
        goods.sku_id,
        SUPPLY,
    )
    await declare_places(listing_id=listing_id, supplier_id=goods.supplier_id, quantity=300)
    return listing_id


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
    mine = Holdings(shop, world.goods)
    await world.owner.execute(
        "update tenants set name = slug || 'title', support_contact = $2 where id = $1",
        shop.id,
        mine.helpdesk,
    )
    child = await plant_tenant(world.owner, f"{shop.slug}-child", parent=shop)
    mine.child = child.id
    await bring_domain(world.owner, mine)
    await plant_invitation(world.owner, shop, mine.invitation)
    unwanted = crypto.new_token("kmi")
    mine.child_invitation_id = await plant_invitation(world.owner, shop, unwanted)
    await _hire(world, api, mine)
    mine.sku_id = sku = public_id("sku", world.goods.sku_id)
    await renew(api, mine, "unopened", "delivered", "pending", "payable", *by_hand_of(shop))
    await renew(api, mine, "claimable", "claimed")
    for name in ("unopened", "delivered", "pending", "payable", "by hand", "claimable"):
        mine.guests[name] = await _guest_order(world.owner, api, mine, sku, name)
    await _buy_at_cost(api, mine)
    mine.quote_id = (await api.ask(shop, QUOTE, {"sku": sku})).accepted["id"]
    await _fill_carts(api, mine)
    await _open_keys(api, mine)
    await _dispute(world.owner, api, mine)
    await _listen(world.owner, mine)
    await _issue_coupon(mine)
    await _earn(world, mine)
    await _put_down(world, mine)
    await _claim(api, mine)
    await _give_points(mine)
    await _propose_correction(mine)
    await _have_statements(world, mine)
    mine.vouchers = await give_vouchers(await _shop_of(shop), mine.marker)
    await _be_paid(world.owner, mine)
    await plant_review(world.owner, mine)
    await _pay_in_parts(world.owner, api, mine)
    await _take_cursors(api, mine)
    return mine


async def _pay_in_parts(owner: asyncpg.Connection, api: Api, mine: Holdings) -> None:
    """Orders that the customer has begun to pay in parts."""
    shop = await _shop_of(mine.shop)
    await offer_plans(shop)
    await renew(api, mine, "payable in parts")
    for name in in_parts_of(mine.shop):
        await renew(api, mine, name)
        no = mine.customers[name].no
        total_minor = await owner.fetchval("select total_minor from orders where no = $1", no)
        customer_id = mine.people["CUSTOMER"].id
        await begin_plan(shop, customer_id, order_no=no, total_minor=total_minor)


async def _furnish_price_desk(world: World, shop: ShopAt) -> PriceDesk:
    """A grade, a tier, a promotion of long after, an upload with a mistake and its import, and
    an alert."""
    owner, sku_id = world.owner, world.goods.sku_id
    child = {"root": "agent", "agent": "shop"}.get(shop.slug)
    if child is None:
        child = (await plant_tenant(owner, f"{shop.slug}leaf", parent=shop)).slug
    ids = {name: new_id() for name in ("grade", "tier", "promotion", "upload", "import")}
    for name, table in (("grade", "agent_grades"), ("tier", "membership_tiers")):
        await owner.execute(
            f"insert into {table} (tenant_id, id, name, rank) values ($1, $2, $3, 1)",
            shop.id, ids[name], f"{shop.slug}canary",
        )  # fmt: skip
    await owner.execute(
        """insert into promotions (tenant_id, id, name, starts_at) values ($1, $2, $3, '2040-01-01')
        """,
        shop.id, ids["promotion"], f"{shop.slug}canary",
    )  # fmt: skip
    await owner.execute(
        "insert into price_files (tenant_id, id, format, content) values ($1, $2, 'CSV', $3)",
        shop.id, ids["upload"], b"sku\nnobodys-code\n",
    )  # fmt: skip
    await owner.execute(
        """insert into price_imports (tenant_id, id, file_id, dry_run, state, ended_at, progress)
           values ($1, $2, $3, true, 'REFUSED', now(), $4)""",
        shop.id, ids["import"], ids["upload"],
        Progress().wrong([LineProblem(2, "sku", "UNKNOWN_SKU")]).as_json(),
    )  # fmt: skip
    await owner.execute(
        """insert into price_alerts (tenant_id, id, shop_id, sku_id, guard)
           values ($1, $2, $1, $3, 'G2')""",
        shop.id, new_id(), sku_id,
    )  # fmt: skip
    # There is a ladder to climb, and nobody comes up.
    await owner.execute(
        "update membership_tiers set spent_minor = 1000000000, window_days = 30 where id = $1",
        ids["tier"],
    )
    rule_ids, tier_ids = {}, {}
    for number, role in enumerate(sorted(PRICE_WRITERS)):
        rule_id, tier_id = new_id(), new_id()
        await owner.execute(
            "insert into membership_tiers (tenant_id, id, name, rank) values ($1, $2, $3, $4)",
            shop.id, tier_id, f"{shop.slug}canary{number}", 90 + number,
        )  # fmt: skip
        tier_ids[role] = public_id("tir", tier_id)
        await owner.execute(
            """insert into price_rules (tenant_id, id, audience, scope, target_id, kind, value,
                                        min_quantity, starts_at)
               values ($1, $2, 'RETAIL', 'SKU', $3, 'FIXED_OVER_COST', $4, $5, '2040-01-01')""",
            shop.id, rule_id, sku_id, RETAIL[shop.slug], 60 + number,
        )  # fmt: skip
        rule_ids[role] = public_id("rul", rule_id)
    return PriceDesk(
        child_slug=child,
        grade_id=public_id("grd", ids["grade"]),
        tier_id=public_id("tir", ids["tier"]),
        tier_ids=tier_ids,
        promotion_id=public_id("prm", ids["promotion"]),
        upload_id=public_id("plf", ids["upload"]),
        import_id=public_id("pli", ids["import"]),
        rule_ids=rule_ids,
    )


async def bring_domain(owner: asyncpg.Connection, mine: Holdings) -> None:
    """Give a shop the domain that it has brought, proved, if it has it no more."""
    await owner.execute("delete from resting_hosts where host = $1", mine.own_host)
    await owner.execute(
        """insert into tenant_domains (tenant_id, id, host, kind, verified_at)
           values ($1, $2, $3, 'CUSTOM', now()) on conflict do nothing""",
        mine.shop.id,
        mine.domain,
        mine.own_host,
    )


async def plant_invitation(owner: asyncpg.Connection, parent: ShopAt, token: str) -> str:
    """Let a parent have invited somebody; returns the invitation's id."""
    invitation_id = new_id()
    await owner.execute(
        """insert into tenant_invitations (tenant_id, id, token_hash, on_parent_loss,
                                           settlement_mode, created_by, expires_at)
           values ($1, $2, $3, 'FREEZE', 'PLATFORM_COLLECT', 'test', now() + interval '1 day')""",
        parent.id,
        invitation_id,
        crypto.token_hash(token),
    )
    return public_id("tiv", invitation_id)


async def give_login(owner: asyncpg.Connection, staff_id: UUID) -> None:
    """Let one of the staff have an account, and the password that everybody has."""
    account = staff_account(f"{staff_id.hex}@example.com")
    sealed = account.sealed_for(staff_id, column=LOGINS)
    await owner.execute(
        """update staff_users set account = $2, account_index = $3, data_key_id = $4,
               password_hash = (select password_hash from customers
                                where password_hash is not null limit 1)
           where id = $1""",
        staff_id,
        sealed.ciphertext,
        account.index,
        sealed.key_id,
    )


async def open_link(owner: asyncpg.Connection, mine: Holdings) -> None:
    """Let the shop's link for a new password be open."""
    hashed = crypto.token_hash(mine.reset_token)
    if await owner.fetchval(
        "update password_resets set ended_at = null where token_hash = $1 returning true", hashed
    ):
        return
    await owner.execute(
        """with forgetful as (
               insert into customers (tenant_id, id, name) values ($1, $2, $3) returning id
           )
           insert into password_resets (tenant_id, id, customer_id, contact_kind, origin,
                                        token_hash, expires_at)
           select $1, $4, id, 'email', 'https://shop.example', $5, now() + interval '1 day'
           from forgetful""",
        mine.shop.id,
        new_id(),
        f"{mine.marker} forgetful",
        new_id(),
        hashed,
    )


def by_hand_of(shop: ShopAt) -> list[str]:
    """The orders that a person delivers: what is delivered or refused is so once, so each of those
    who may do it has one of its own."""
    roles = {"root": ("SUPPLIER", "OPERATOR"), "shop": ("OPERATOR",)}.get(shop.slug, ())
    return ["by hand", *(f"{name} {role}" for name in ENDS_BY_HAND for role in roles)]


async def renew(api: Api, mine: Holdings, *names: str) -> None:
    """Give the customer fresh orders of these names; unpaid old ones end."""
    buyer = mine.people["CUSTOMER"]
    for name in names:
        by_hand = name in by_hand_of(mine.shop)
        paid = by_hand or name in ("unopened", "delivered", "claimable", "claimed")
        if not paid and name in mine.customers:
            await cancel(api, mine, mine.customers[name].no)
        payment = "WALLET" if paid else None
        made = await _buy(api, mine, mine.sku_id, payment=payment, by_hand=by_hand)
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
    for scope in ApiScope:
        mine.people[scope] = await world.api_client(scope, shop=shop)
    await _hire_by_invitation(api, mine)
    await open_link(owner, mine)
    mine.affiliate_code = f"{mine.marker}aff"
    mine.people["AFFILIATE"] = await world.affiliate(mine.affiliate_code, shop=shop)
    mine.affiliate_program = await owner.fetchval(
        "select id from affiliate_programs where tenant_id = $1", shop.id
    )
    await owner.execute(
        """insert into affiliate_days (tenant_id, affiliate_id, day, clicks, unique_clicks)
           values ($1, $2, current_date - 1, 3, 2)""",
        shop.id,
        mine.people["AFFILIATE"].id,
    )
    for table in ("api_clients", "affiliates", "affiliate_programs"):
        await owner.execute(f"update {table} set name = $2 where tenant_id = $1", shop.id,
                            f"{mine.marker} {table}")  # fmt: skip


async def _hire_by_invitation(api: Api, mine: Holdings) -> None:
    """A member with a password, a program with a secret, and invitations that are open."""
    taken = await _invite(api, mine, mine.staff_account)
    acceptance = {"token": taken["token"], "password": PASSWORD, "name": mine.marker}
    await api.ask(mine.shop, _ACCEPT, {"input": acceptance})
    owner = mine.people["STAFF_OWNER"]
    staff = (await api.ask(mine.shop, "{ staff { id account } }", by=owner)).accepted
    [mine.staff_id] = [one["id"] for one in staff if one["account"] == mine.staff_account]
    for role in ("ANONYMOUS", "CUSTOMER"):
        account = f"{mine.marker}-{role.lower()}@example.com"
        mine.invitation_tokens[role] = (await _invite(api, mine, account))["token"]
    unwanted = await _invite(api, mine, f"{mine.marker}-nobody@example.com")
    mine.invitation_id = unwanted["id"]
    program = {"name": f"{mine.marker} program", "scopes": ["API_PURCHASE"]}
    made = await api.ask(mine.shop, _PROGRAM, {"input": program}, by=owner)
    mine.client_id = made.accepted["clientId"]


async def _invite(api: Api, mine: Holdings, account: str) -> dict[str, Any]:
    offer = {"account": account, "roles": ["SUPPORT"]}
    owner = mine.people["STAFF_OWNER"]
    made: dict[str, Any] = (await api.ask(mine.shop, _INVITE, {"input": offer}, by=owner)).accepted
    return made


async def _buy(
    api: Api, mine: Holdings, sku: str, *, payment: str | None = None, by_hand: bool = False
) -> dict[str, Any]:
    quoted = await api.ask(mine.shop, QUOTE_BY_HAND if by_hand else QUOTE, {"sku": sku})
    wish = {
        "skuId": sku,
        "quantity": 2,
        "expectedTotal": {**quoted.accepted["total"], "currency": "CNY"},
        "payment": payment,
        "deliveryMode": "MANUAL" if by_hand else None,
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
    by_hand = name == "by hand"
    quote = (await api.ask(mine.shop, QUOTE_BY_HAND if by_hand else QUOTE, {"sku": sku})).accepted
    mine.idempotency_key = f"{mine.marker}-{new_id().hex}"
    wish = {
        "quoteId": quote["id"],
        "idempotencyKey": mine.idempotency_key,
        "contact": f"{mine.marker}@contact.example",
        "affiliateCode": mine.affiliate_code,
        "form": [{"skuId": sku, "values": [{"fieldName": "note", "value": f"{mine.marker} says"}]}],
    }
    made = (await api.ask(mine.shop, CREATE, {"input": wish})).accepted
    if name in ("unopened", "delivered", "by hand", "disputed"):
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


async def _buy_at_cost(api: Api, mine: Holdings) -> None:
    """Prepay, and buy for the shop itself: keys that stay closed, one for each role that may
    return one, keys that are opened, and some that a person delivers."""
    shop = await _shop_of(mine.shop)
    await credit(shop, 500_000_000, reference=f"{mine.marker}-bank")
    await trade_terms.set_low_balance(shop, 500_000_000)  # the first purchase crosses it
    wanted = (
        ("unopened", len(PURCHASERS), None),
        ("delivered", 2, mine.reference),
        *((name, 2, None) for name in purchases_by_hand()),
    )
    for name, quantity, reference in wanted:
        mode = "MANUAL" if "by hand" in name else None
        bought = await buy(
            shop,
            mine.goods,
            most_total_minor=1_000_000,
            lines=[CostWish(mine.goods.sku_id, quantity, delivery_mode=mode)],
            client_reference=reference,
            deliver_now=name == "delivered",
            said={mine.goods.sku_id: {"note": f"{mine.marker} says"}} if mode else {},
        )
        (line,) = bought.order.lines
        keys = tuple(public_id("dky", one.id) for one in line.keys)
        mine.purchases[name] = HeldOrder(
            bought.order.id, bought.order.no, None, public_id("lin", line.id), keys
        )


def purchases_by_hand() -> list[str]:
    """What was bought at cost and a person delivers: a line for each who may cancel one."""
    return ["by hand", *(f"by hand {role}" for role in sorted(PURCHASERS))]


async def _shop_of(at: ShopAt) -> Shop:
    async with db.transaction(db.core_scope(at.id), read_only=True):
        return await current_shop(at.id)


async def _issue_coupon(mine: Holdings) -> None:
    """A coupon of the shop's own that its customers are shown."""
    shop = await _shop_of(mine.shop)
    mine.coupon_code = f"{mine.shop.slug}code".upper()
    coupon = await issue(shop, mine.coupon_code, 100, name=f"{mine.marker} coupon", listed=True)
    mine.coupon_id = coupon.id
    await generate_codes(shop=shop, coupon_id=coupon.id, count=2)
    mine.cursors["couponCodes"] = write_cursor(
        [str(new_id())], tenant_id=mine.shop.id, about=f"codes of {coupon.id}"
    )


async def _earn(world: World, mine: Holdings) -> None:
    """Earnings that are free to be spent: the shop's, and at the root the supplier's as well."""
    parties = [mine.shop.id]
    if len(mine.shop.path) == 1:
        parties.append(world.goods.supplier_id)
    for party_id in parties:
        async with db.transaction(db.core_scope(mine.shop.id)):
            await ledger.post(
                [
                    ledger.debit(ledger.Account("A:BANK", "CNY"), 5_000_000),
                    ledger.credit(accounts.party_available(party_id, "CNY"), 5_000_000),
                ],
                kind="EARNED",
                idempotency_key=f"earned:{party_id}",
                tenant_id=None,
            )


async def _be_paid(owner: asyncpg.Connection, mine: Holdings) -> None:
    """The shop and its affiliate have something to be paid, and somebody has confirmed it."""
    for role in ("TENANT", "AFFILIATE"):
        person = mine.people.get(role)
        party = party_of(mine.shop.id, role, person.id if person else None)
        mine.paid[role] = await plant_party(owner, party)
    boss = mine.people["STAFF_OWNER"]
    for role in ("STAFF_OWNER", "CUSTOMER", "ANONYMOUS"):
        await plant_proof(
            owner, "payoutRequest", proof=mine.proof_for(role), token=boss.token, kind="STAFF",
            person_id=boss.id,
        )  # fmt: skip
        await plant_challenge(
            owner, parse_id("chl", mine.challenge_for(role)), token=boss.token, kind="STAFF",
            person_id=boss.id,
        )  # fmt: skip


async def _put_down(world: World, mine: Holdings) -> None:
    """Deposits of two children: a case holds some of one, and the other has closed."""
    leaver = await plant_tenant(world.owner, f"{mine.shop.slug}-leaver", parent=mine.shop)
    mine.leaver = leaver.id
    party = await put_down("TENANT", mine.child, 1_000_000)
    await put_down("TENANT", leaver.id, 1_000_000)
    await put_into(world.owner, leaver.id, "CLOSED")
    held = await cases.hold(
        party,
        case_id=None,
        amount_minor=500,
        reason=f"{mine.marker} claim",
        actor="operator",
        idempotency_key=new_id().hex,
    )
    mine.hold_id = public_id("dph", held.id)


async def _claim(api: Api, mine: Holdings) -> None:
    """Keys that somebody has opened: of one order a claim may be accepted, of another it was."""
    for name in ("claimable", "claimed"):
        order = mine.customers[name]
        wish = {"input": {"orderNo": order.no}}
        opened = await api.ask(mine.shop, _REVEAL, wish, by=mine.people["CUSTOMER"])
        assert opened.accepted["keys"]
    claim = await accepting.accept(
        shop=await _shop_of(mine.shop),
        actor="operator",
        order_no=mine.customers["claimed"].no,
        line_id=parse_id("lin", mine.customers["claimed"].line_id),
        kind="INVALID",
        idempotency_key=new_id().hex,
    )
    mine.claim_id = public_id("frf", claim.id)


async def _give_points(mine: Holdings) -> None:
    """A points program, and a thousand points for the customer with the shop's reason."""
    shop = await begin_program(await _shop_of(mine.shop))
    await plant_earnings(shop, 1_000)
    await give_points(shop, mine.people["CUSTOMER"], 1_000, reason=f"{mine.marker} reason")


async def _have_statements(world: World, mine: Holdings) -> None:
    """A file that is there for each party of the shop, and something of yesterday to be told of."""
    parties = {
        "SHOP": ("TENANT", mine.shop.id),
        "AFFILIATE": ("AFFILIATE", mine.people["AFFILIATE"].id),
        "SUPPLIER": ("SUPPLIER", world.goods.supplier_id),
    }
    for role, (kind, party_id) in parties.items():
        home = world.root.id if role == "SUPPLIER" else mine.shop.id
        file_id = new_id()
        mine.statement_ids[role] = public_id("stm", file_id)
        await world.owner.execute(
            """insert into statement_files
                   (tenant_id, id, party_kind, party_id, currency, since, until,
                    utc_offset_minutes, format, english, asked_by, state, size_bytes, sha256,
                    ended_at)
               values ($1, $2, $3::text::party_kind, $4, 'CNY', '2026-01-01', '2026-02-01', 0,
                       'CSV', true, $5, 'DONE', 1, sha256(''), platform_now())""",
            home, file_id, kind, party_id, mine.marker,
        )  # fmt: skip
    available = accounts.party_available(mine.shop.id, "CNY")
    for minor in (700, -700):
        async with world.owner.transaction():
            posting_id = new_id()
            await world.owner.execute(
                """insert into ledger_transactions (id, kind, idempotency_key, posted_at)
                   values ($1, 'ADJUSTMENT', $2, platform_now() - interval '1 day')""",
                posting_id, f"yesterday {posting_id}",
            )  # fmt: skip
            await world.owner.execute(
                """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
                   select $1, entry.id, entry.minor, 'CNY'
                   from unnest($2::uuid[], $3::bigint[]) as entry (id, minor)""",
                posting_id, [accounts.bank("CNY").id, available.id], [minor, -minor],
            )  # fmt: skip


async def _propose_correction(mine: Holdings) -> None:
    """A correction of the ledger that some other operator has proposed."""
    proposed = await adjustments.propose(
        root_id=mine.shop.path[0],
        actor="operator:another",
        currency="CNY",
        moves=[
            AdjustmentMove(
                AdjustedSide(AdjustedAccount.COMPENSATION, None),
                AdjustedSide(AdjustedAccount.BANK, None),
                100,
            )
        ],
        reason="the bank took a fee",
        idempotency_key=f"{mine.marker}-correction",
    )
    mine.adjustment_id = public_id("adj", proposed.id)


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
    mine.card_ids = [public_id("crd", await _plant_card(mine))]


async def _plant_card(mine: Holdings) -> UUID:
    """A card that the customer keeps, as if it had paid."""
    person = mine.people["CUSTOMER"]
    card = KeptCard(
        card_ref=f"pm_{person.id.hex}",
        customer_ref=f"cus_{person.id.hex}",
        fingerprint=f"Fp{person.id.hex}",
        brand="visa",
        last4="4242",
        expires_month=12,
        expires_year=2040,
    )
    async with db.transaction(db.core_scope(mine.shop.id)):
        await cards.keep(card, tenant_id=mine.shop.id, customer_id=person.id, provider="stripe")
    (kept,) = await cards.saved_cards(tenant_id=mine.shop.id, customer_id=person.id)
    return kept.id


async def plant_review(owner: asyncpg.Connection, mine: Holdings) -> None:
    """A commission of the affiliate's that somebody is to look at, again."""
    # The order is another one once this one was given back.
    await owner.execute(
        "delete from affiliate_reviews where id = $1 and order_id <> $2",
        mine.affiliate_review,
        mine.customers["delivered"].id,
    )
    await owner.execute(
        """insert into affiliate_reviews (tenant_id, id, order_id, affiliate_id, suspicions, words)
           values ($1, $2, $3, $4, '{TOO_FAST}', array[$5])
           on conflict (order_id) do update set status = 'OPEN', decided_at = null, note = null,
               decided_by = null, appeal = null, appealed_at = null""",
        mine.shop.id,
        mine.affiliate_review,
        mine.customers["delivered"].id,
        mine.people["AFFILIATE"].id,
        f"{mine.marker} words",
    )
    await owner.execute(
        """insert into attributions (tenant_id, order_id, affiliate_id, rule)
           values ($1, $2, $3, 'CODE') on conflict do nothing""",
        mine.shop.id,
        mine.customers["delivered"].id,
        mine.people["AFFILIATE"].id,
    )
    await owner.execute(
        "update attributions set noted_at = platform_now() where order_id = $1",
        mine.customers["delivered"].id,
    )


async def _open_keys(api: Api, mine: Holdings) -> None:
    order = mine.customers["delivered"]
    opened = await api.ask(
        mine.shop, _REVEAL, {"input": {"orderNo": order.no}}, by=mine.people["CUSTOMER"]
    )
    mine.secrets = tuple(key["secret"] for key in opened.accepted["keys"])


async def _dispute(owner: asyncpg.Connection, api: Api, mine: Holdings) -> None:
    """A guest's bank takes back what was opened."""
    held = await _guest_order(owner, api, mine, mine.sku_id, "disputed")
    mine.guests["disputed"] = held
    wish = {"input": {"orderNo": held.no, "guestToken": held.token}}
    assert (await api.ask(mine.shop, _REVEAL, wish)).accepted
    payment = await payment_of(owner, held.id)
    bank = disputed(payment["provider_ref"], payment["channel_minor"])
    assert (await bank.opens()).effect == "DISPUTED"
    mine.dispute = await owner.fetchval("select id from disputes where order_id = $1", held.id)


async def _listen(owner: asyncpg.Connection, mine: Holdings) -> None:
    """Programs that listen, one message to each, and what it has answered."""
    for slot, role in enumerate(sorted(WEBHOOK_KEEPERS), start=1):
        endpoint_id = await plant_endpoint(
            owner,
            mine.shop.id,
            url=f"https://{mine.marker}.example/",
            event_types=["balance.low"],
            slot=slot,
        )
        delivery_id = await plant_delivery(
            owner, mine.shop.id, endpoint_id, answer=mine.marker, sequence=slot
        )
        await owner.execute(
            """insert into webhook_alerts (tenant_id, id, endpoint_id, kind)
               values ($1, gen_random_uuid(), $2, 'PAUSED')""",
            mine.shop.id,
            endpoint_id,
        )
        mine.webhooks[role] = HeldWebhook(
            public_id("whk", endpoint_id), public_id("wdl", delivery_id)
        )


async def _take_cursors(api: Api, mine: Holdings) -> None:
    lists = {
        "products": "CUSTOMER",
        "orders": "CUSTOMER",
        "tenantOrders": "STAFF_OWNER",
        "catalogueToList": "STAFF_OWNER",
        "purchases": "STAFF_OWNER",
        "tradeLedger": "STAFF_OWNER",
        "coupons": "STAFF_OWNER",
        "childTenantInvitations": "STAFF_OWNER",
        "pointsEntries": "CUSTOMER",
        "voucherBatches": "STAFF_OWNER",
    }
    for name, role in lists.items():
        page = await api.ask(
            mine.shop,
            f"{{ {name}(first: 1) {{ pageInfo {{ endCursor }} }} }}",
            by=mine.people[role],
        )
        mine.cursors[name] = page.accepted["pageInfo"]["endCursor"] or ""
    # The lists of the price desk are short; a cursor is signed for its shop and its list.
    for name, about in _SHORT_LISTS.items():
        place = [str(new_id()), str(new_id())]
        mine.cursors[name] = write_cursor(place, tenant_id=mine.shop.id, about=about)
    mine.cursors["webhookDeliveries"] = await _deliveries_cursor(api, mine)


async def _deliveries_cursor(api: Api, mine: Holdings) -> str:
    page = await api.ask(
        mine.shop,
        """query ($id: ID!) { webhookDeliveries(webhookId: $id, first: 1) {
             pageInfo { endCursor } } }""",
        {"id": mine.webhook_for("STAFF_OWNER").id},
        by=mine.people["STAFF_OWNER"],
    )
    cursor: str = page.accepted["pageInfo"]["endCursor"]
    return cursor
