"""The foundation: settings, the transaction, money, ids, crypto, errors, log. Knows nobody."""
