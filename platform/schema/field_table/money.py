"""Rows about balances, trade balances, buying at cost."""

from typing import Final

from schema.field_table.roles import FINANCE, OPERATORS, PURCHASERS, TRADE_READERS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", PURCHASERS, "purchase purchases"),
    ("Query", TRADE_READERS, "tradeLedger"),
    ("Query", OPERATORS, "trialBalance tenants"),
    ("Mutation", PURCHASERS, "purchaseAtCost"),
    ("Mutation", FINANCE, "tradeBalanceTopUp transferToChild lowBalanceSet"),
    ("Mutation", OPERATORS, "tradeBalanceCredit settlementModeSet"),
    ("Subscription", TRADE_READERS, "lowBalance"),
    ("PurchaseMade", PURCHASERS, "order keys short"),
    ("ShortLine", PURCHASERS, "skuId wanted bought"),
    ("SettlementModeChanged", OPERATORS, "mode"),
    ("TenantBalances", TRADE_READERS, "trade lowBalanceThreshold"),
    ("TradeBalance", TRADE_READERS | OPERATORS, "trade lowBalanceThreshold"),
    ("TradeMoveConnection", TRADE_READERS, "edges pageInfo"),
    ("TradeMoveEdge", TRADE_READERS, "cursor node"),
    ("TradeMove", TRADE_READERS, "at kind amount balance orderNo otherShop bankReference"),
    ("BalanceAlert", TRADE_READERS, "balance threshold raisedAt"),
    ("TrialBalanceRow", OPERATORS, "code balance debit credit"),
)
