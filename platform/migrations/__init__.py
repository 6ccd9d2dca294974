"""One linear history of the database: each step is a .sql file and the class that runs it."""

from migrations._runner import migrate, sql_migration

__all__ = ["migrate", "sql_migration"]
