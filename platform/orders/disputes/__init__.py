"""A buyer's bank takes a payment back: what is heard of it, what it stops, who bears it (E10)."""
