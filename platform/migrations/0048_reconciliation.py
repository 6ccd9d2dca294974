"""Reconciliation: movements of both sides, runs, items, and the gate of payouts."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0047_vouchers")
