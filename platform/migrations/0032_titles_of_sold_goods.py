"""An order keeps the title under which its shop has sold the goods."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0031_forgotten_passwords")
