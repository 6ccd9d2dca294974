"""What people decide about money is in the audit log."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0065_instalments")
