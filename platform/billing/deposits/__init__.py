"""Seller deposits (保证金): whose they are, what cases hold of them, and how much there must be."""
