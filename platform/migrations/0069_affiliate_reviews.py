"""What speaks against an affiliate's earning, and who has looked."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0068_refunds_that_were_refused")
