"""The sale: order, lines, the frozen split, and what was delivered."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0006_affiliates")
