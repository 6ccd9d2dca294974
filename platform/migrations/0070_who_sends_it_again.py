"""A payout that goes out again is approved again."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0069_affiliate_reviews")
