"""What forbids a payout forbids that the money is given away."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0058_refunds_asked_anew")
