"""Who pays for a coupon stands above the shop that takes it."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0027_price_alerts_are_told")
