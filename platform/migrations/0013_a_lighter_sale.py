"""What a sale asks of the database costs less, and more of it is proved there."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0012_one_statement")
