"""Rows about suppliers, who delivers by hand, and how goods are."""

from typing import Final

from schema.field_table.roles import DELIVERERS, OPERATORS, SUPPLIERS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", DELIVERERS, "manualDeliveries"),
    ("Mutation", DELIVERERS, "manualBegin manualDeliver manualCorrectionAsk manualRefuse"),
    ("Mutation", SUPPLIERS, "stockDeclare"),
    ("Mutation", OPERATORS, "skuFormDefine skuDeliveryUpdate supplierListingUpsert"),
    ("SupplierListingWritten", OPERATORS, "listingId skuId supplyPrice"),
    ("ManualDeliveryConnection", DELIVERERS, "edges pageInfo"),
    ("ManualDeliveryEdge", DELIVERERS, "cursor node"),
    ("ManualDelivery", DELIVERERS, "lineId skuCode name quantity deliveryMode state dueAt begunAt"),
    ("ManualDelivery", DELIVERERS, "endedAt askedFields words"),
    ("ManualBegun", DELIVERERS, "form"),
    ("ManualChanged", DELIVERERS, "delivery"),
    ("StockDeclared", SUPPLIERS, "listingId quantity"),
    ("SkuFormDefined", OPERATORS, "skuId formFields"),
    ("Supplier", SUPPLIERS, "name status commissionBp balances listings"),
    ("SupplierListing", SUPPLIERS, "id skuCode name supplyPrice status pausedFor stock sold"),
    ("SkuDeliveryUpdated", OPERATORS, "skuId deliveryModes seats manualMinutes"),
)
