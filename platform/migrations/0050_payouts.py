"""Money goes out to parties: a second confirmation, where to, payouts, batches, stops."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0049_refunds_in_full")
