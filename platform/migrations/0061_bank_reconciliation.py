"""What is needed to hold the ledger against the bank's statement."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0060_exchange_rates")
