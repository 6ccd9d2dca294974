"""More ways to pay, and on a page of the channel's."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0054_statements")
