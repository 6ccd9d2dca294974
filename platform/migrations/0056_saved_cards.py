"""Cards that customers keep."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0055_ways_to_pay")
