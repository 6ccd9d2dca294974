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
FINANCE: Final = frozenset({"STAFF_OWNER", "STAFF_FINANCE"})
AFFILIATES: Final = frozenset({"AFFILIATE"})
SUPPLIERS: Final = frozenset({"SUPPLIER"})
OPERATORS: Final = frozenset({"OPERATOR"})
SHOP_READERS: Final = STAFF | {"API_CLIENT"}
ORDER_READERS: Final = BUYERS | SHOP_READERS | OPERATORS
BALANCE_READERS: Final = FINANCE | AFFILIATES | SUPPLIERS

#: "Type": (who, "its fields"). A field that only some of them may see has a row of its own.
_ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", EVERYONE, "storefront categories products product"),
    ("Query", BUYERS, "quote order cart formValidate"),
    ("Query", CUSTOMERS, "orders me"),
    ("Query", SHOP_READERS, "tenant tenantOrders"),
    ("Query", OWN_COSTS, "catalogueToList"),
    ("Query", AFFILIATES, "affiliate"),
    ("Query", SUPPLIERS, "supplier"),
    ("Query", OPERATORS, "trialBalance"),
    ("Mutation", BUYERS, "orderCreate quickBuy orderCancel paymentStart paymentRefresh"),
    ("Mutation", BUYERS, "keyReveal keysExport unrevealedReturn"),
    ("Mutation", BUYERS, "cartLinesAdd cartLinesUpdate cartLinesRemove"),
    ("Mutation", BUYERS, "signUp signIn"),
    ("Mutation", CUSTOMERS, "signOut walletTopUp contactSave contactForget"),
    ("Mutation", FINANCE | OPERATORS, "refundCreate"),
    ("Subscription", BUYERS, "orderUpdated"),
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
    ("Sku", EVERYONE, "usageRules redeemSteps maxPerOrder formFields price stock offers"),
    ("FormField", EVERYONE, "name kind label help required sensitive minLength maxLength least"),
    ("FormField", EVERYONE, "most pattern choices"),
    ("FormChoice", EVERYONE, "value label"),
    ("FormChecked", BUYERS, "problems"),
    ("FormAnswer", BUYERS, "name label value sensitive"),
    ("FormValue", BUYERS, "fieldName value"),
    ("Offer", EVERYONE, "id price stock warrantyHours sold reliabilityBp typicalSeconds badges"),
    ("Problem", EVERYONE, "code message field details"),
    ("ProblemDetail", EVERYONE, "name value"),
    ("Quote", BUYERS, "id lines total expiresAt"),
    ("QuoteLine", BUYERS, "skuId offerId quantity unitPrice total"),
    ("Cart", BUYERS, "lines total quote problem expiresAt"),
    ("CartLine", BUYERS, "id skuId offerId productSlug name quantity unitPrice formerUnitPrice"),
    ("CartLine", BUYERS, "total problem form"),
    ("CartChanged", BUYERS, "cart cartToken"),
    ("Order", ORDER_READERS, "id no status total refunded version createdAt expiresAt paidAt"),
    ("Order", ORDER_READERS, "deliveredAt lines"),
    ("OrderLine", ORDER_READERS, "id skuId productSlug name quantity unitPrice total refunded"),
    ("OrderLine", ORDER_READERS, "returnedQuantity commitments keys"),
    ("OrderLine", BUYERS, "form"),
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
    ("Customer", CUSTOMERS, "id email phone wallet savedContacts"),
    ("SavedContact", CUSTOMERS, "id kind value"),
    ("ContactsChanged", CUSTOMERS, "savedContacts"),
    ("SignedIn", BUYERS, "token expiresAt"),
    ("SignedOut", CUSTOMERS, "done"),
    ("Tenant", SHOP_READERS, "slug name status depth children"),
    ("Tenant", FINANCE, "balances"),
    ("ChildTenant", SHOP_READERS, "slug name status depth"),
    ("Balances", BALANCE_READERS, "pending available deposit owed"),
    ("OwnPriceConnection", OWN_COSTS, "nodes pageInfo"),
    ("OwnPrice", OWN_COSTS, "skuId code name cost retail margin stock"),
    ("Affiliate", AFFILIATES, "code name rateBp balances commissions"),
    ("Commission", AFFILIATES, "orderNo amount reversed"),
    ("Supplier", SUPPLIERS, "name status commissionBp balances listings"),
    ("SupplierListing", SUPPLIERS, "id skuCode name supplyPrice status stock sold"),
    ("TrialBalanceRow", OPERATORS, "code balance"),
)

GRANTS: Final[dict[str, frozenset[str]]] = {
    f"{type_name}.{field}": roles for type_name, roles, fields in _ROWS for field in fields.split()
}
