"""A Stripe server of our own: the real wire protocol, test cards, signed webhooks and faults."""
