"""A supplier is owed in its own currency, with the rate that the order was priced at."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0071_conversions")
