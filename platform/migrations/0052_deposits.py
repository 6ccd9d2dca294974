"""Seller deposits: how money comes in, what is asked for, and what happens when it is too little."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0051_disputes")
