"""Attempts that no window reaches and tokens that ended long ago can be found and deleted."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0024_offers_compared_and_seats")
