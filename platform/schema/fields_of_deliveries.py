"""The role × field table's rows about suppliers, who delivers by hand, and how goods are."""

from typing import Final

_SUPPLIERS: Final = frozenset({"SUPPLIER"})
_OPERATORS: Final = frozenset({"OPERATOR"})
#: Who delivers by hand: a supplier its own, an operator for each.
DELIVERERS: Final = _SUPPLIERS | _OPERATORS

#: As in the table: the type, who, and its fields.
DELIVERY_ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", DELIVERERS, "manualDeliveries"),
    ("Mutation", DELIVERERS, "manualBegin manualDeliver manualCorrectionAsk manualRefuse"),
    ("Mutation", _SUPPLIERS, "stockDeclare"),
    ("Mutation", _OPERATORS, "skuFormDefine skuDeliveryUpdate"),
    ("ManualDeliveryConnection", DELIVERERS, "edges pageInfo"),
    ("ManualDeliveryEdge", DELIVERERS, "cursor node"),
    ("ManualDelivery", DELIVERERS, "lineId skuCode name quantity deliveryMode state dueAt begunAt"),
    ("ManualDelivery", DELIVERERS, "endedAt askedFields words"),
    ("ManualBegun", DELIVERERS, "form"),
    ("ManualChanged", DELIVERERS, "delivery"),
    ("StockDeclared", _SUPPLIERS, "listingId quantity"),
    ("SkuFormDefined", _OPERATORS, "skuId formFields"),
    ("Supplier", _SUPPLIERS, "name status commissionBp balances listings"),
    ("SupplierListing", _SUPPLIERS, "id skuCode name supplyPrice status stock sold"),
    ("SkuDeliveryUpdated", _OPERATORS, "skuId deliveryModes seats manualMinutes"),
)
