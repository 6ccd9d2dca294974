"""What people decide is kept, and chained."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0043_opening_fees")
