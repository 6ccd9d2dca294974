"""Who may be thanked for a sale, and at what rate. Commissions themselves are line shares."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0005_supply")
