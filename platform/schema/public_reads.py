"""Which fields of the query's root every guest of a shop may see, and sees alike."""

from typing import Final

PUBLIC_FIELDS: Final = frozenset({"storefront", "categories", "products", "product", "__typename"})
"""The answer depends on the shop, the language and the question alone."""
