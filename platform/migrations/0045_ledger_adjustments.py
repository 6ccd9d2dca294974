"""Corrections of the ledger by hand: one person proposes, another decides."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0044_audit")
