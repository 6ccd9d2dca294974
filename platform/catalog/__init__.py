"""Catalogue: categories, products and SKUs of the platform, and what each tenant lists."""
