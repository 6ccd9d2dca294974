"""What a shop has prepaid, and what it buys at cost out of it."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0021_webhooks")
