"""What customers earn by buying: membership tiers, reached, kept for a time, or given by hand."""
