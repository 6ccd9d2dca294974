"""The order in which an affiliate's conversions are listed."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0070_who_sends_it_again")
