"""What is earned, stage by stage: maturity, holds, and the terms of both."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0041_places_at_the_desk")
