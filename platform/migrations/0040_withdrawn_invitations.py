"""A parent takes an open invitation back."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0039_the_platforms_markup_cap")
