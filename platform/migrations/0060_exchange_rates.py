"""What a currency is worth in another one, each rate for a while."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0059_what_a_party_may_use")
