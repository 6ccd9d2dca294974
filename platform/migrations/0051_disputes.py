"""Disputes, what they stop, and who bears a lost one."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0050_payouts")
