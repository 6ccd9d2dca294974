"""The order in which a shop itself shows its goods."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0035_delivered_by_hand")
