"""Refunds to the wallet, and of every buyer of a batch that failed an inspection (E15)."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0048_reconciliation")
