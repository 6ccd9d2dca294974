"""What forbids a payout forbids that the money is given away."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0057_growing_lists")
