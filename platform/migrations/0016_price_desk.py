"""The price desk: whose price is broken, how far the sweep has looked, and price lists on their
way."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0015_price_audiences")
