"""An import can be taken back and made again, and its report names every line."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0008_billing")
