"""A child pays the opening fee of the grade that its parent gives it."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0042_earnings")
