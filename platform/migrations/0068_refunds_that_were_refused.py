"""A refund that its channel has refused is not the end of it."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0067_affiliate_clicks")
