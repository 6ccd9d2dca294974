"""A forgotten password is set anew by a link that is good once."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0030_what_came_back_unopened")
