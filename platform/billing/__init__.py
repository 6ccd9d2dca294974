"""Money: the double-entry ledger, payments and their methods, refunds."""
