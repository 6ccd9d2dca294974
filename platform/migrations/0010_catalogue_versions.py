"""Every shop's catalogue has a version, and a page of it is read from indexes alone."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0009_key_imports")
