"""A sale from the wallet is one statement."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0011_less_to_write")
