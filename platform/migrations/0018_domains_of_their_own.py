"""A tenant's own domain is proved, looked at again, and rests when it is given up."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0017_life_of_a_tenant")
