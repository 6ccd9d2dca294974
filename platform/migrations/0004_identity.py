"""Who calls: customers (one account per tenant), staff, API clients, and every kind of token."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0003_catalogue")
