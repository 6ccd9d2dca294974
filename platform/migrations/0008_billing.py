"""Money: payments and what was heard of them, refunds, and the double-entry ledger."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0007_orders")
