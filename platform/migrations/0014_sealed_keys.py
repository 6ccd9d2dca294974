"""What never changes about a key leaves the row that changes."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0013_a_lighter_sale")
