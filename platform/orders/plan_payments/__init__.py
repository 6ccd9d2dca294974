"""The money of an instalment plan as it comes: the first part, which pays the order, and more."""
