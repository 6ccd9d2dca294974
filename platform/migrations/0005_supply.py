"""The shared pool: suppliers, what they offer, and the keys themselves. Platform class:"""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0004_identity")
