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
        "API_CATALOGUE_READ",
        "API_PRICES_WRITE",
        "API_ORDERS_READ",
        "API_PURCHASE",
        "API_BALANCE_READ",
        "API_WEBHOOKS_WRITE",
        "AFFILIATE",
        "SUPPLIER",
        "OPERATOR",
    }
)
API: Final = frozenset(scope for scope in EVERYONE if scope.startswith("API_"))
BUYERS: Final = frozenset({"ANONYMOUS", "CUSTOMER"})
CUSTOMERS: Final = frozenset({"CUSTOMER"})
STAFF: Final = frozenset(role for role in EVERYONE if role.startswith("STAFF_"))
OWNERS: Final = frozenset({"STAFF_OWNER"})
"""Whatever staff or a program may do, an owner may: nobody else could give that right."""
OWN_COSTS: Final = frozenset(
    {"STAFF_OWNER", "STAFF_FINANCE", "STAFF_CATALOGUE", "API_CATALOGUE_READ", "API_PRICES_WRITE"}
)
PRICE_WRITERS: Final = frozenset({"STAFF_OWNER", "STAFF_CATALOGUE", "API_PRICES_WRITE"})
FINANCE: Final = frozenset({"STAFF_OWNER", "STAFF_FINANCE"})
SHOPKEEPERS: Final = frozenset({"STAFF_OWNER", "STAFF_CATALOGUE"})
AFFILIATES: Final = frozenset({"AFFILIATE"})
SUPPLIERS: Final = frozenset({"SUPPLIER"})
OPERATORS: Final = frozenset({"OPERATOR"})
#: Who buys at cost for the shop, and opens and returns what was bought.
PURCHASERS: Final = FINANCE | {"API_PURCHASE"}
KEY_HOLDERS: Final = BUYERS | PURCHASERS
WEBHOOK_KEEPERS: Final = frozenset({"STAFF_OWNER", "API_WEBHOOKS_WRITE"})
SHOP_READERS: Final = STAFF | API
SHOPS_ORDER_READERS: Final = STAFF | {"API_ORDERS_READ"}
CHILD_READERS: Final = STAFF | {"API_PRICES_WRITE"}
TRADE_READERS: Final = FINANCE | {"API_BALANCE_READ"}
ORDER_READERS: Final = BUYERS | SHOPS_ORDER_READERS | OPERATORS | PURCHASERS
PRICE_EXPLAINED: Final = OWN_COSTS | OPERATORS
BALANCE_READERS: Final = AFFILIATES | SUPPLIERS

#: "Type": (who, "its fields"). A field that only some of them may see has a row of its own.
_ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", EVERYONE, "storefront categories products product"),
    ("Query", BUYERS, "quote"),
    ("Query", KEY_HOLDERS, "order"),
    ("Query", PURCHASERS, "purchase purchases"),
    ("Query", TRADE_READERS, "tradeLedger"),
    ("Query", CUSTOMERS, "orders me"),
    ("Query", SHOP_READERS, "tenant"),
    ("Query", SHOPS_ORDER_READERS, "tenantOrders"),
    ("Query", STAFF, "myTenants"),
    ("Query", OWNERS, "staff staffInvitations staffEvents apiClients"),
    ("Query", OWN_COSTS, "catalogueToList"),
    ("Query", OWN_COSTS, "priceRules agentGrades promotions priceImpact priceAlerts"),
    ("Query", OWN_COSTS, "priceListExport"),
    ("Query", PRICE_EXPLAINED, "priceExplain"),
    ("Query", AFFILIATES, "affiliate"),
    ("Query", SUPPLIERS, "supplier"),
    ("Query", OPERATORS, "trialBalance"),
    ("Query", WEBHOOK_KEEPERS, "webhooks webhookDeliveries"),
    ("Mutation", BUYERS, "orderCreate quickBuy orderCancel paymentStart paymentRefresh"),
    ("Mutation", KEY_HOLDERS, "keyReveal keysExport unrevealedReturn"),
    ("Mutation", PURCHASERS, "purchaseAtCost"),
    ("Mutation", FINANCE, "tradeBalanceTopUp transferToChild lowBalanceSet"),
    ("Mutation", OPERATORS, "tradeBalanceCredit settlementModeSet"),
    ("Mutation", BUYERS, "signUp signIn"),
    ("Mutation", BUYERS, "staffSignIn staffInvitationAccept"),
    ("Mutation", CUSTOMERS | STAFF, "signOut"),
    ("Mutation", CUSTOMERS, "walletTopUp"),
    ("Mutation", OWNERS, "staffInvite staffInvitationWithdraw staffSetRoles staffRemove"),
    ("Mutation", OWNERS, "apiClientCreate apiClientUpdate apiClientRotate apiClientRevoke"),
    ("Mutation", SHOPKEEPERS, "storefrontUpdate"),
    ("Mutation", FINANCE | OPERATORS, "refundCreate"),
    ("Mutation", PRICE_WRITERS, "priceRuleUpsert priceRuleDelete secretPriceSet agentGradeUpsert"),
    ("Mutation", PRICE_WRITERS, "childTenantSetGrade retailFloorSet leastMarginSet"),
    ("Mutation", PRICE_WRITERS, "promotionUpsert promotionPause listingUpsert listingBulkUpsert"),
    ("Mutation", PRICE_WRITERS, "priceListUploadStart priceListImport"),
    ("Mutation", WEBHOOK_KEEPERS, "webhookUpsert webhookSecretRotate webhookDelete webhookTest"),
    ("Mutation", WEBHOOK_KEEPERS, "webhookReplay"),
    ("Subscription", BUYERS, "orderUpdated"),
    ("Subscription", OWN_COSTS, "priceBroken"),
    ("Subscription", TRADE_READERS, "lowBalance"),
    ("Storefront", EVERYONE, "name locale currency supportContact open paymentMethods"),
    ("Storefront", EVERYONE, "brand logoUrl bannerUrl theme contacts texts"),
    ("StorefrontTheme", EVERYONE, "accent onAccent accentDark onAccentDark"),
    ("StorefrontContact", EVERYONE, "kind value"),
    ("StorefrontText", EVERYONE, "locale kind text"),
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
    ("OrderConnection", CUSTOMERS | SHOPS_ORDER_READERS | PURCHASERS, "edges pageInfo"),
    ("OrderEdge", CUSTOMERS | SHOPS_ORDER_READERS | PURCHASERS, "cursor node"),
    ("OrderCreated", BUYERS, "order guestToken"),
    ("OrderChanged", KEY_HOLDERS | FINANCE | OPERATORS, "order"),
    ("PurchaseMade", PURCHASERS, "order keys short"),
    ("ShortLine", PURCHASERS, "skuId wanted bought"),
    ("OrderEvent", BUYERS, "cursor order"),
    ("PaymentStarted", BUYERS | FINANCE, "paymentId status actionUrl clientSecret"),
    ("KeysRevealed", KEY_HOLDERS, "keys"),
    ("RevealedKey", KEY_HOLDERS, "id lineId name serial secret salt commitment expiresAt"),
    ("RevealedKey", KEY_HOLDERS, "revealedAt"),
    ("KeysExported", KEY_HOLDERS, "fileName content"),
    ("Customer", CUSTOMERS, "id email phone wallet"),
    ("SignedIn", BUYERS, "token expiresAt"),
    ("SettlementModeChanged", OPERATORS, "mode"),
    ("TenantBalances", FINANCE, "pending available deposit owed"),
    ("TenantBalances", TRADE_READERS, "trade lowBalanceThreshold"),
    ("TradeBalance", TRADE_READERS | OPERATORS, "trade lowBalanceThreshold"),
    ("TradeMoveConnection", TRADE_READERS, "edges pageInfo"),
    ("TradeMoveEdge", TRADE_READERS, "cursor node"),
    ("TradeMove", TRADE_READERS, "at kind amount balance orderNo otherShop bankReference"),
    ("BalanceAlert", TRADE_READERS, "balance threshold raisedAt"),
    ("SignedOut", CUSTOMERS | STAFF, "done"),
    ("StaffSignedIn", BUYERS, "token expiresAt roles"),
    ("Workplace", STAFF, "slug name host roles"),
    ("StaffMember", OWNERS, "id name account roles status joinedAt"),
    ("StaffInvitation", OWNERS, "id account roles expiresAt"),
    ("StaffInvited", OWNERS, "id token expiresAt"),
    ("StaffEvent", OWNERS, "id happenedAt actor kind subjectId rightsBefore rightsAfter"),
    ("StaffChanged", OWNERS, "staff"),
    ("StaffInvitationWithdrawn", OWNERS, "id"),
    ("ApiClient", OWNERS, "id name scopes allowedNetworks createdAt lastUsedAt secrets"),
    ("ApiSecret", OWNERS, "createdAt expiresAt"),
    ("ApiClientSecret", OWNERS, "clientId secret expiresAt"),
    ("ApiClientsChanged", OWNERS, "apiClients"),
    ("StorefrontUpdated", SHOPKEEPERS, "storefront"),
    ("Tenant", SHOP_READERS, "slug name status depth settlementMode"),
    ("Tenant", CHILD_READERS, "children"),
    ("Tenant", TRADE_READERS, "balances"),
    ("ChildTenant", CHILD_READERS, "slug name status depth"),
    ("Balances", BALANCE_READERS, "pending available deposit owed"),
    ("OwnPriceConnection", OWN_COSTS, "nodes pageInfo"),
    ("OwnPrice", OWN_COSTS, "skuId code name cost retail margin stock"),
    ("PriceRuleConnection", OWN_COSTS, "nodes pageInfo"),
    ("PriceRule", OWN_COSTS, "id audience forKind forId child scope skuCode categorySlug kind"),
    ("PriceRule", OWN_COSTS, "value rounding unitMinor minQuantity startsAt endsAt"),
    ("AgentGrade", OWN_COSTS, "id name rank openFee"),
    ("Promotion", OWN_COSTS, "id name startsAt endsAt paused skus"),
    ("PriceExplanation", PRICE_EXPLAINED, "skuId skuCode quantity price brokenGuard steps"),
    ("PriceExplanation", PRICE_EXPLAINED, "adjustments bounds"),
    ("PriceStep", PRICE_EXPLAINED, "kind depth delta after rule funder"),
    ("AppliedRule", PRICE_EXPLAINED, "forKind scope kind value rounding unitMinor minQuantity"),
    ("PriceBound", PRICE_EXPLAINED, "kind guard limit holds"),
    ("PriceImpact", OWN_COSTS, "prices changed newlyHidden complete endCursor moves shops"),
    ("PriceMove", OWN_COSTS, "shop skuCode what before after"),
    ("ShopPriceImpact", OWN_COSTS, "shop changed newlyHidden shownAgain guards"),
    ("PriceAlertConnection", OWN_COSTS, "nodes pageInfo"),
    ("PriceAlert", OWN_COSTS, "id guard skuId skuCode child openedAt closedAt"),
    ("PriceListAddress", OWN_COSTS, "url uploadId expiresAt"),
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
    ("Webhook", WEBHOOK_KEEPERS, "id url description eventTypes status failuresInRow pausedUntil"),
    ("Webhook", WEBHOOK_KEEPERS, "previousSecretUntil createdAt alerts"),
    ("WebhookAlert", WEBHOOK_KEEPERS, "kind raisedAt"),
    ("WebhookSaved", WEBHOOK_KEEPERS, "webhook secret"),
    ("WebhookDeleted", WEBHOOK_KEEPERS, "webhookId"),
    ("WebhookTested", WEBHOOK_KEEPERS, "delivery"),
    ("WebhookReplayed", WEBHOOK_KEEPERS, "count"),
    ("WebhookDeliveryConnection", WEBHOOK_KEEPERS, "edges pageInfo"),
    ("WebhookDeliveryEdge", WEBHOOK_KEEPERS, "cursor node"),
    ("WebhookDelivery", WEBHOOK_KEEPERS, "id webhookId eventId eventType status attemptCount"),
    ("WebhookDelivery", WEBHOOK_KEEPERS, "nextAttemptAt createdAt endedAt attempts"),
    ("WebhookAttempt", WEBHOOK_KEEPERS, "number sentAt statusCode latencyMs failure answer"),
    ("TrialBalanceRow", OPERATORS, "code balance"),
)

GRANTS: Final[dict[str, frozenset[str]]] = {
    f"{type_name}.{field}": roles for type_name, roles, fields in _ROWS for field in fields.split()
}
