"""What came of an offer's sales, so that buyers can compare offers."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0024_carts_and_forms")
