"""The frozen role × field table: every field of the schema, and who may ask for it.

A field that is not here is denied to everybody; a test holds the table against the schema.
Whose *rows* a caller sees is decided by the use cases and by row-level security, not here.
"""

from typing import Final

EVERYONE: Final = frozenset(
    {
        "ANONYMOUS",
        "CUSTOMER",
        "STAFF_OWNER",
        "STAFF_FINANCE",
        "STAFF_SUPPORT",
        "STAFF_CATALOGUE",
        "STAFF_READ_ONLY",
        "API_CLIENT",
        "AFFILIATE",
        "SUPPLIER",
        "OPERATOR",
    }
)
BUYERS: Final = frozenset({"ANONYMOUS", "CUSTOMER"})
CUSTOMERS: Final = frozenset({"CUSTOMER"})
STAFF: Final = frozenset(role for role in EVERYONE if role.startswith("STAFF_"))
OWN_COSTS: Final = frozenset({"STAFF_OWNER", "STAFF_FINANCE", "STAFF_CATALOGUE", "API_CLIENT"})
PRICE_READERS: Final = OWN_COSTS
PRICE_WRITERS: Final = frozenset({"STAFF_OWNER", "STAFF_CATALOGUE"})
FINANCE: Final = frozenset({"STAFF_OWNER", "STAFF_FINANCE"})
AFFILIATES: Final = frozenset({"AFFILIATE"})
SUPPLIERS: Final = frozenset({"SUPPLIER"})
OPERATORS: Final = frozenset({"OPERATOR"})
SHOP_READERS: Final = STAFF | {"API_CLIENT"}
ORDER_READERS: Final = BUYERS | SHOP_READERS | OPERATORS
PRICE_EXPLAINED: Final = PRICE_READERS | OPERATORS
BALANCE_READERS: Final = FINANCE | AFFILIATES | SUPPLIERS

#: "Type": (who, "its fields"). A field that only some of them may see has a row of its own.
_ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", EVERYONE, "storefront categories products product"),
    ("Query", BUYERS, "quote order"),
    ("Query", CUSTOMERS, "orders me"),
    ("Query", SHOP_READERS, "tenant tenantOrders"),
    ("Query", OWN_COSTS, "catalogueToList"),
    ("Query", PRICE_READERS, "priceRules agentGrades promotions priceImpact priceAlerts"),
    ("Query", PRICE_READERS, "priceListExport"),
    ("Query", PRICE_EXPLAINED, "priceExplain"),
    ("Query", AFFILIATES, "affiliate"),
    ("Query", SUPPLIERS, "supplier"),
    ("Query", OPERATORS, "trialBalance"),
    ("Mutation", BUYERS, "orderCreate quickBuy orderCancel paymentStart paymentRefresh"),
    ("Mutation", BUYERS, "keyReveal keysExport unrevealedReturn"),
    ("Mutation", BUYERS, "signUp signIn"),
    ("Mutation", CUSTOMERS, "signOut walletTopUp"),
    ("Mutation", FINANCE | OPERATORS, "refundCreate"),
    ("Mutation", PRICE_WRITERS, "priceRuleUpsert priceRuleDelete secretPriceSet agentGradeUpsert"),
    ("Mutation", PRICE_WRITERS, "childTenantSetGrade retailFloorSet leastMarginSet"),
    ("Mutation", PRICE_WRITERS, "promotionUpsert promotionPause listingUpsert listingBulkUpsert"),
    ("Mutation", PRICE_WRITERS, "priceListUploadStart priceListImport"),
    ("Subscription", BUYERS, "orderUpdated"),
    ("Subscription", PRICE_READERS, "priceBroken"),
    ("Storefront", EVERYONE, "name locale currency supportContact open paymentMethods"),
    ("PaymentMethodOption", EVERYONE, "code label"),
    ("Category", EVERYONE, "id parentId slug name"),
    ("Product", EVERYONE, "id slug name description platform categoryId price stock skus"),
    ("ProductConnection", EVERYONE, "edges pageInfo"),
    ("ProductEdge", EVERYONE, "cursor node"),
    ("PageInfo", EVERYONE, "hasNextPage endCursor"),
    ("PriceView", EVERYONE, "amount"),
    ("StockView", EVERYONE, "quantity more"),
    ("Money", EVERYONE, "amountMinor currency formatted"),
    ("Sku", EVERYONE, "id code name faceValue region deliveryMode scopeOfUse validityDays"),
    ("Sku", EVERYONE, "usageRules redeemSteps maxPerOrder price stock offers"),
    ("Sku", EVERYONE, "quantityPrices"),
    ("QuantityPrice", EVERYONE, "fromQuantity unitPrice"),
    ("Offer", EVERYONE, "id price stock warrantyHours"),
    ("Problem", EVERYONE, "code message field details"),
    ("ProblemDetail", EVERYONE, "name value"),
    ("Quote", BUYERS, "id lines total expiresAt"),
    ("QuoteLine", BUYERS, "skuId offerId quantity unitPrice total"),
    ("Order", ORDER_READERS, "id no status total refunded version createdAt expiresAt paidAt"),
    ("Order", ORDER_READERS, "deliveredAt lines"),
    ("OrderLine", ORDER_READERS, "id skuId productSlug name quantity unitPrice total refunded"),
    ("OrderLine", ORDER_READERS, "returnedQuantity commitments keys"),
    ("DeliveredKey", ORDER_READERS, "id serial commitment deliveredAt revealedAt returnedAt"),
    ("OrderConnection", CUSTOMERS | SHOP_READERS, "edges pageInfo"),
    ("OrderEdge", CUSTOMERS | SHOP_READERS, "cursor node"),
    ("OrderCreated", BUYERS, "order guestToken"),
    ("OrderChanged", BUYERS | FINANCE | OPERATORS, "order"),
    ("OrderEvent", BUYERS, "cursor order"),
    ("PaymentStarted", BUYERS, "paymentId status actionUrl clientSecret"),
    ("KeysRevealed", BUYERS, "keys"),
    ("RevealedKey", BUYERS, "id lineId name serial secret salt commitment expiresAt revealedAt"),
    ("KeysExported", BUYERS, "fileName content"),
    ("Customer", CUSTOMERS, "id email phone wallet"),
    ("SignedIn", BUYERS, "token expiresAt"),
    ("SignedOut", CUSTOMERS, "done"),
    ("Tenant", SHOP_READERS, "slug name status depth children"),
    ("Tenant", FINANCE, "balances"),
    ("ChildTenant", SHOP_READERS, "slug name status depth"),
    ("Balances", BALANCE_READERS, "pending available deposit owed"),
    ("OwnPriceConnection", OWN_COSTS, "nodes pageInfo"),
    ("OwnPrice", OWN_COSTS, "skuId code name cost retail margin stock"),
    ("PriceRuleConnection", PRICE_READERS, "nodes pageInfo"),
    ("PriceRule", PRICE_READERS, "id audience forKind forId child scope skuCode categorySlug kind"),
    ("PriceRule", PRICE_READERS, "value rounding unitMinor minQuantity startsAt endsAt"),
    ("AgentGrade", PRICE_READERS, "id name rank openFee"),
    ("Promotion", PRICE_READERS, "id name startsAt endsAt paused skus"),
    ("PriceExplanation", PRICE_EXPLAINED, "skuId skuCode quantity price brokenGuard steps"),
    ("PriceExplanation", PRICE_EXPLAINED, "adjustments bounds"),
    ("PriceStep", PRICE_EXPLAINED, "kind depth delta after rule funder"),
    ("AppliedRule", PRICE_EXPLAINED, "forKind scope kind value rounding unitMinor minQuantity"),
    ("PriceBound", PRICE_EXPLAINED, "kind guard limit holds"),
    ("PriceImpact", PRICE_READERS, "prices changed newlyHidden complete endCursor moves shops"),
    ("PriceMove", PRICE_READERS, "shop skuCode what before after"),
    ("ShopPriceImpact", PRICE_READERS, "shop changed newlyHidden shownAgain guards"),
    ("PriceAlertConnection", PRICE_READERS, "nodes pageInfo"),
    ("PriceAlert", PRICE_READERS, "id guard skuId skuCode child openedAt closedAt"),
    ("PriceListAddress", PRICE_READERS, "url uploadId expiresAt"),
    ("PriceListReport", PRICE_WRITERS, "rows listings rules problemCount written impact problems"),
    ("PriceListProblem", PRICE_WRITERS, "line column code"),
    ("PriceRuleWritten", PRICE_WRITERS, "rule"),
    ("AgentGradeWritten", PRICE_WRITERS, "grade"),
    ("PromotionWritten", PRICE_WRITERS, "promotion"),
    ("PriceDeskDone", PRICE_WRITERS, "count"),
    ("Affiliate", AFFILIATES, "code name rateBp balances commissions"),
    ("Commission", AFFILIATES, "orderNo amount reversed"),
    ("Supplier", SUPPLIERS, "name status commissionBp balances listings"),
    ("SupplierListing", SUPPLIERS, "id skuCode name supplyPrice status stock sold"),
    ("TrialBalanceRow", OPERATORS, "code balance"),
)

GRANTS: Final[dict[str, frozenset[str]]] = {
    f"{type_name}.{field}": roles for type_name, roles, fields in _ROWS for field in fields.split()
}
