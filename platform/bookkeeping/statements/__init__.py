"""Statements: what a party had, what moved, and what it has, entry by entry; as pages and files."""
