"""Goods that a person delivers: places, the desk of who delivers, and its clock."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0034_membership")
