"""For whom, from how many pieces and when a price rule prices."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0014_sealed_keys")
