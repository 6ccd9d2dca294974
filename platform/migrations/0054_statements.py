"""Statements as files: asked for, made by the worker, and kept for a week."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0053_fast_refunds")
