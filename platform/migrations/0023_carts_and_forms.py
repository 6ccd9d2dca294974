"""Carts, saved contacts, and what a buyer must say for a SKU."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0022_trade_balance")
