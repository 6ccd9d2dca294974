"""What affiliate programs pay for which goods, who joins them, and links."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0063_what_waits_for_a_bank")
