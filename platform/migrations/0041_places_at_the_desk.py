"""A member's priority brings a delivery by hand forward at its desk."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0040_withdrawn_invitations")
