"""What can be sold at all: one catalogue for the platform, and what each tenant hides or renames."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0002_tenants")
