"""Points (积分): a shop's program, its customers' lots, and the book of their movements."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0037_keys_by_webhook")
