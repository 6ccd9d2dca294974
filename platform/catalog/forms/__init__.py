"""What a buyer must say for a SKU: the fields of its form, and the patterns that texts follow."""
