"""Supplies in other currencies than the shop's: their rows, converted as soon as they are read.

What an offer costs is converted up, once, and so is what it must cost at least; what it may cost
at most is converted down. From there on it is priced as any other. An offer without a fresh rate
has no supply price: the guard RATE hides it, and tells the platform's own desk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
from operator import itemgetter
from typing import Any, Final

from exchange.arithmetic import Rate
from exchange.rates import FRESH_RATES, Rates
from kernel import db
from offers.statements import Row
from tenants.directory import Shop
from tenants.versions import VERSION_OF_OWNER

_RATES: Final = f"""
select {VERSION_OF_OWNER} as version, {FRESH_RATES} as rates
from (select) as always left join catalogue_versions known on known.owner_id = platform_id()
offset 0
"""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What a piece costs in its supplier's own currency, and the rate that priced it."""

    rate: Rate
    price_minor: int


class _KnownRates:
    """The rates of this process, at the last version of the platform's catalogue that was asked."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._rates = Rates({})

    async def at(self, shop: Shop, version: int) -> Rates | None:
        """The rates at exactly this version; None when it is history. No statement when the
        process knows them."""
        if self._version != version:
            scope = db.core_scope(shop.id, path=shop.path)
            [row] = await db.read(scope, _RATES)
            self._version, self._rates = row["version"], Rates.of(row["rates"])
        return self._rates if self._version == version else None

    def forget(self) -> None:
        """Empty the memory (tests)."""
        self._version = None


_known = _KnownRates()
rates_at = _known.at
forget = _known.forget


async def exchanged_rows(shop: Shop, rows: Sequence[Row], version: int) -> Sequence[Row] | None:
    """These rows in the shop's currency; None when the version is history. The same rows, and no
    statement, where all supplies are in that."""
    if all(row["listing_id"] is None or row["currency"] == shop.currency for row in rows):
        return rows
    rates = await rates_at(shop, version)
    if rates is None:
        return None
    converted = [in_currency(row, shop.currency, rates) for row in rows]
    return [
        row
        for _, of_sku in groupby(converted, key=itemgetter("sku_id"))
        for row in sorted(of_sku, key=_place)
    ]


def in_currency(row: Row, currency: str, rates: Rates) -> Row:
    """An offer's row with what it costs in a currency."""
    if row["listing_id"] is None or row["currency"] == currency:
        return row
    rate = rates.get(row["currency"], currency)
    converted: dict[str, Any] = {**dict(row.items()), "currency": currency}
    if rate is None:
        return {**converted, "supply_price_minor": None}
    least_minor, most_minor = row["min_retail_minor"], row["max_retail_minor"]
    return {
        **converted,
        "supply_price_minor": rate.up(row["supply_price_minor"]),
        "min_retail_minor": None if least_minor is None else rate.up(least_minor),
        "max_retail_minor": None if most_minor is None else rate.down(most_minor),
        "exchanged": Exchanged(rate, row["supply_price_minor"]),
    }


def _place(row: Row) -> tuple[float, int, int]:
    """The cheapest supply first, as in the statements."""
    if row["listing_id"] is None:
        return (inf, 0, 0)
    supply_minor = row["supply_price_minor"]
    return (inf if supply_minor is None else supply_minor, -row["priority"], row["listing_id"].int)
