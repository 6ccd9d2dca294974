"""How a later step admits further values to a list."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0056_saved_cards")
