"""The platform's own instalment plans."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0064_affiliate_programs")
