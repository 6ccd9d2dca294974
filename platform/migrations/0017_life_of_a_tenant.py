"""A tenant has a life: it applies, opens, may be restricted or lost, moves, and closes."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0016_price_desk")
