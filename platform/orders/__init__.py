"""Orders: the sale itself, from checkout to settlement, delivery and refund."""
