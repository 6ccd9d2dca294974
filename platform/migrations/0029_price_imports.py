"""Imports of price lists, of any length: rows that the worker finds."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0028_payers_on_the_path")
