"""The ground everything stands on: the transaction's scope, the one clock, and the fence."""

from migrations import sql_migration

Migration = sql_migration(__file__)
