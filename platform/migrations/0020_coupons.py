"""Coupons, their codes and uses, and who pays for a discount."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0019_people_and_storefronts")
