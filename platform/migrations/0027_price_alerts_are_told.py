"""Price alerts go to webhooks, too."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0026_an_application_ends")
