"""What tenants' programs are told: events, where they go, and what became of them."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0020_coupons")
