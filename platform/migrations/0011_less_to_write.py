"""A sale writes fewer index entries, and asks for one customer's unpaid orders alone."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0010_catalogue_versions")
