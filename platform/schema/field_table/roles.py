"""Who asks: the roles, and the sets of them that are granted the same."""

from typing import Final

EVERYONE: Final = frozenset(
    """ANONYMOUS CUSTOMER STAFF_OWNER STAFF_FINANCE STAFF_SUPPORT STAFF_CATALOGUE STAFF_READ_ONLY
    API_CATALOGUE_READ API_PRICES_WRITE API_ORDERS_READ API_PURCHASE API_BALANCE_READ
    API_WEBHOOKS_WRITE AFFILIATE SUPPLIER OPERATOR""".split()
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
#: Whoever makes prices; who pays for a coupon is money, and read by the same.
COUPON_ISSUERS: Final = frozenset({"STAFF_OWNER", "STAFF_FINANCE"}) | OPERATORS
COUPON_READERS: Final = COUPON_ISSUERS | {"STAFF_CATALOGUE"}
#: Who is paid out: a shop's people who know its money, affiliates, suppliers.
PAID_PARTIES: Final = FINANCE | AFFILIATES | SUPPLIERS
#: Who delivers by hand: a supplier its own, an operator for each.
DELIVERERS: Final = SUPPLIERS | OPERATORS
