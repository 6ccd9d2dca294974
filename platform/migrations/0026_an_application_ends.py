"""An application that was accepted can end without a shop."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0025_what_is_out_of_date")
