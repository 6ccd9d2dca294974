"""The tree of agents, its domains, and what each level charges the level below."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0001_foundation")
