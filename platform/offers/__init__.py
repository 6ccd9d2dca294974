"""What a shop offers right now: listing, price and stock together, and the signed quote.

This room reads the tables of the rooms below it in its own SQL, so that a page is a fixed number
of statements. Costs never leave it but to the order that freezes them.
"""
