"""How often a channel was asked anew for a refund."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0057_growing_lists")
