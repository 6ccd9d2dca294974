"""Redeem vouchers and gift cards: batches, their codes, and what they are worth."""

from migrations import sql_migration

Migration = sql_migration(__file__, after="0046_bank_transfers")
