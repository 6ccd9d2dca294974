"""Which supplier listings this process has met behind SKUs: a guess, before anything is read."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID


class ListingsMet:
    """The listings of the SKUs that were met last."""

    def __init__(self, most_skus: int) -> None:
        self._most_skus = most_skus
        self._known: OrderedDict[UUID, tuple[UUID, ...]] = OrderedDict()

    def of(self, sku_id: UUID) -> tuple[UUID, ...]:
        """Give the listings of a SKU, as it was met last; none where it was not."""
        return self._known.get(sku_id, ())

    def learn(self, sku_id: UUID, listing_ids: Sequence[UUID]) -> None:
        """Remember the listings of a SKU."""
        self._known[sku_id] = tuple(listing_ids)
        self._known.move_to_end(sku_id)
        if len(self._known) > self._most_skus:
            self._known.popitem(last=False)
