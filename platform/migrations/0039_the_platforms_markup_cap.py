"""The platform's cap on a markup stands beside the parent's."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0038_points")
