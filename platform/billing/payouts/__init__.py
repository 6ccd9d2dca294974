"""Money out: where a party is paid, its payouts from request to bank, and what stops them."""
