"""Fast refunds: the buyer is paid out of the supplier's deposit, and then it is decided."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0052_deposits")
