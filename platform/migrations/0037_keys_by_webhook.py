"""Keys that a shop buys may go to its own programs."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0036_own_order")
