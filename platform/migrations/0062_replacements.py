"""A bad key is replaced by another one."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0061_bank_reconciliation")
