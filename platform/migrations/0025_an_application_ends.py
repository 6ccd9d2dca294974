"""An application that was accepted can end without a shop."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0024_offers_compared_and_seats")
