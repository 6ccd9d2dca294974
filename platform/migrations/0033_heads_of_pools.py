"""Where the free keys of much-sold listings begin."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0032_titles_of_sold_goods")
