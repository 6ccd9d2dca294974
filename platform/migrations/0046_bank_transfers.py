"""Money by bank: statements, their lines, what they pay for, and what goes back."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0045_ledger_adjustments")
