"""The rates that may be priced with now, as a statement reads them beside a catalogue's version.

A new rate, and one that becomes too old, make another version of the platform's catalogue: so
whoever keeps prices by that version keeps rates with them, and asks no clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from exchange.arithmetic import Rate

FRESH_RATES: Final = """
(select array_agg(row(fresh.id, fresh.base::text, fresh.quote::text, fresh.value,
                      fresh.fresh_until))
 from (select distinct on (base, quote) id, base, quote, value, fresh_until
       from fx_rates where fresh_until > (select platform_now())
       order by base, quote, taken_at desc) as fresh)
"""
"""An expression for the newest rate of every pair, where that is still fresh; null for none."""


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """The rates of one moment, by their pairs."""

    by_pair: Mapping[tuple[str, str], Rate]

    @classmethod
    def of(cls, rows: Iterable[Any] | None) -> Self:
        """Read what `FRESH_RATES` gives."""
        rates = [Rate(*tuple(row)) for row in rows or ()]
        return cls({(rate.base, rate.quote): rate for rate in rates})

    def get(self, base: str, quote: str) -> Rate | None:
        """The rate of a pair; None where nobody has set one, or not lately."""
        return self.by_pair.get((base, quote))
