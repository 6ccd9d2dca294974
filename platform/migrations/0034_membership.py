"""Membership tiers that customers reach by buying, keep for a time, and may be given."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0033_heads_of_pools")
