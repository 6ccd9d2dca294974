"""What came back unopened is counted for itself."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0029_price_imports")
