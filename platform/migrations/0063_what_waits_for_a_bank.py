"""Who waits for a bank's decision is not passed over when a failed batch is paid back."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0062_replacements")
