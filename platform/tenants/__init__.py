"""Tenants: the tree of shops, their domains, the fence between them, and prices down the tree."""
