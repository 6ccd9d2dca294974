"""Clicks on links, what orders owe to them, and their days."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0066_audited_money")
