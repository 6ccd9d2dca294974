"""What staff, affiliates, suppliers and operators see: each its own money and no other's cost."""

from datetime import datetime
from enum import Enum

import strawberry

from affiliates.queries import affiliate_by_id, earned_shares
from billing.balances import TrialRow, party_balance, trial_balance, trial_balance_of
from kernel import db
from kernel.errors import NotFound
from kernel.ids import public_id
from offers import catalogue
from offers.own_prices import own_prices
from orders.queries import orders_page
from schema.balances import Balances, balances_type, outlook_of
from schema.connections import PageInfo
from schema.context import Info
from schema.inputs import moment_in
from schema.look_ahead import selected
from schema.money import Money, amount
from schema.offer_types import StockView, stock_view
from schema.order_types import OrderConnection, order_connection
from supply.queries import SupplierListingRow, supplier_by_id, supplier_listings


@strawberry.type(description="One SKU from the shop's own side.")
class OwnPrice:
    """`cost` is what this shop pays for a piece; nothing of what others pay is here."""

    sku_id: strawberry.ID
    code: str
    name: str
    cost: Money
    retail: Money
    margin: Money
    stock: StockView


@strawberry.type
class OwnPriceConnection:
    """The SKUs of one page of products."""

    nodes: list[OwnPrice] = strawberry.field(metadata={"assumed_size": 50})
    page_info: PageInfo


@strawberry.enum
class CommissionState(Enum):
    """HELD: a case about the order is open. CANCELED: all of it was taken back with a refund."""

    PENDING = "PENDING"
    HELD = "HELD"
    AVAILABLE = "AVAILABLE"
    CANCELED = "CANCELED"


@strawberry.type
class Commission:
    """One commission as it was frozen with its order. `availableAt` is known soon after delivery;
    a case about the order stops it."""

    order_no: str
    amount: Money
    reversed: Money
    state: CommissionState
    available_at: datetime | None


@strawberry.type
class Affiliate:
    """The affiliate behind the token."""

    code: str
    name: str
    rate_bp: int
    balances: Balances
    commissions: list[Commission] = strawberry.field(metadata={"assumed_size": 50})


@strawberry.type
class SupplierListing:
    """One of the supplier's own offers."""

    id: strawberry.ID
    sku_code: str
    name: str
    supply_price: Money
    status: str
    paused_for: str | None
    stock: StockView
    sold: int


@strawberry.type
class Supplier:
    """The supplier behind the token."""

    name: str
    status: str
    commission_bp: int
    balances: Balances
    listings: list[SupplierListing] = strawberry.field(metadata={"assumed_size": 50})


@strawberry.type
class TrialBalanceRow:
    """The sum of one account code, with its sign (debits are positive) and in its column: the two
    columns of a currency come to the same."""

    code: str
    balance: Money
    debit: Money
    credit: Money


@strawberry.type
class DeskQuery:
    """The desks' first fields."""

    @strawberry.field(description="All orders of the shop, the newest first.")
    async def tenant_orders(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> OrderConnection:
        """Read a page of the shop's orders."""
        context = info.context
        page = await orders_page(shop=context.shop, customer_id=None, first=first, after=after)
        return order_connection(page, context)

    @strawberry.field(description="What the shop pays and asks, SKU by SKU.")
    async def catalogue_to_list(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> OwnPriceConnection:
        """Price a page of products from the shop's own side."""
        context = info.context
        currency = context.shop.currency
        page = await catalogue.products(context.shop, first=first, after=after, described=False)
        nodes = [
            OwnPrice(
                sku_id=strawberry.ID(public_id("sku", price.sku_id)),
                code=price.code,
                name=context.words(price.name_zh, price.name_en),
                cost=amount(price.cost_minor, currency),
                retail=amount(price.retail_minor, currency),
                margin=amount(price.retail_minor - price.cost_minor, currency),
                stock=stock_view(price.stock),
            )
            for price in own_prices(page.rows)
        ]
        info_of_page = PageInfo(has_next_page=page.has_next, end_cursor=page.end_cursor)
        return OwnPriceConnection(nodes=nodes, page_info=info_of_page)

    @strawberry.field(description="The affiliate behind the token.")
    async def affiliate(self, info: Info) -> Affiliate:
        """Read the affiliate's own program, money and commissions."""
        context = info.context
        assert context.caller is not None  # the role × field table lets only affiliates in
        affiliate_id, currency = context.caller.principal_id, context.shop.currency
        async with db.transaction(context.core(), read_only=True):
            row = await affiliate_by_id(affiliate_id)
            balance = await party_balance(affiliate_id, currency)
        shop_scope = db.shop_scope(context.shop.id, party_id=affiliate_id)
        async with db.transaction(shop_scope, read_only=True):
            shares = await earned_shares(affiliate_id)
        if row is None:
            raise NotFound("There is no such affiliate.")
        wanted = selected(info).below("balances")
        outlook = await outlook_of(affiliate_id, context.shop, wanted=wanted)
        return Affiliate(
            code=row["code"],
            name=row["name"],
            rate_bp=row["rate_bp"],
            balances=balances_type(balance, outlook, currency),
            commissions=[
                Commission(
                    order_no=share["no"],
                    amount=amount(share["amount_minor"], share["currency"]),
                    reversed=amount(share["reversed_minor"], share["currency"]),
                    state=CommissionState(share["state"]),
                    available_at=share["available_at"],
                )
                for share in shares
            ],
        )

    @strawberry.field(description="The supplier behind the token.")
    async def supplier(self, info: Info) -> Supplier:
        """Read the supplier's own offers and money."""
        context = info.context
        assert context.caller is not None  # the role × field table lets only suppliers in
        supplier_id, currency = context.caller.principal_id, context.shop.currency
        async with db.transaction(db.core_scope(), read_only=True):
            row = await supplier_by_id(supplier_id)
            listings = await supplier_listings(supplier_id)
            balance = await party_balance(supplier_id, currency)
        if row is None:
            raise NotFound("There is no such supplier.")
        wanted = selected(info).below("balances")
        outlook = await outlook_of(supplier_id, context.shop, wanted=wanted)
        return Supplier(
            name=row["name"],
            status=row["status"],
            commission_bp=row["commission_bp"],
            balances=balances_type(balance, outlook, currency),
            listings=[_listing(listing, info) for listing in listings],
        )

    @strawberry.field(
        description="Every account code with its sum: it adds up to zero.",
        metadata={"assumed_size": 50},
    )
    async def trial_balance(
        self, info: Info, as_of: datetime | None = None
    ) -> list[TrialBalanceRow]:
        """Sum the ledger by account code."""
        moment = moment_in(as_of, field="asOf") if as_of else None
        async with db.transaction(db.core_scope(), read_only=True):
            rows = await (trial_balance_of(moment) if moment else trial_balance())
        return [_trial_row(row) for row in rows]


def _trial_row(row: TrialRow) -> TrialBalanceRow:
    return TrialBalanceRow(
        code=row.code,
        balance=amount(row.balance_minor, row.currency),
        debit=amount(max(row.balance_minor, 0), row.currency),
        credit=amount(max(-row.balance_minor, 0), row.currency),
    )


def _listing(row: SupplierListingRow, info: Info) -> SupplierListing:
    return SupplierListing(
        id=strawberry.ID(public_id("ofr", row.id)),
        sku_code=row.code,
        name=info.context.words(row.name_zh, row.name_en),
        supply_price=amount(row.supply_price_minor, row.currency),
        status=row.status,
        paused_for=row.paused_for,
        stock=stock_view(row.stock),
        sold=row.sold,
    )
