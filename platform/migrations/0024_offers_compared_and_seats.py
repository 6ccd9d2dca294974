"""What came of an offer's sales, for comparison; and keys that several buyers use at once."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0023_carts_and_forms")
