"""Exchange rates: an operator says what a currency is worth in another one."""

from datetime import datetime
from typing import Annotated

import strawberry

from bookkeeping import exchange as bridges
from bookkeeping.exchange import Bridge
from exchange import queries, setting
from exchange.arithmetic import parsed_rate, written_rate
from exchange.setting import NewRate, SetRate
from kernel.errors import Invalid
from kernel.ids import public_id
from kernel.money import BASIS_POINTS
from schema.connections import PageInfo
from schema.context import Info
from schema.inputs import moment_in
from schema.money import Money, amount
from schema.problems import Problem, Refusals

_KIND = "fxr"
_MOST_CHANGE_BP = 100 * BASIS_POINTS


@strawberry.input
class FxRateSetInput:
    """One `base` is worth `rate` of `quote`, in major units: a decimal of at most twelve digits as
    text, 7.1234. `takenAt` is when the source had it, now where it is left out."""

    base: str
    quote: str
    rate: str
    source: str
    taken_at: datetime | None = None
    confirm_change_bp: int | None = strawberry.field(
        default=None,
        description=(
            "By how many basis points the rate may be off the last one, where that is much:"
            " RATE_JUMPS says how far it is."
        ),
    )


@strawberry.input
class FxRatesFilter:
    """Rates of one currency, or of a pair."""

    base: str | None = None
    quote: str | None = None


@strawberry.type
class FxRate:
    """A rate, once and for a while: the newest of a pair prices until `freshUntil`."""

    id: strawberry.ID
    base: str
    quote: str
    rate: str
    source: str
    taken_at: datetime
    fresh_until: datetime
    is_fresh: bool
    set_by: str
    set_at: datetime


@strawberry.type
class FxRateEdge:
    """A rate and the cursor that continues after it."""

    cursor: str
    node: FxRate


@strawberry.type
class FxRateConnection:
    """A page of rates, the newest first."""

    edges: list[FxRateEdge]
    page_info: PageInfo


@strawberry.input
class FxRevalueInput:
    """The bridge over which orders in `quote` have bought `base` for suppliers."""

    base: str
    quote: str


@strawberry.type
class FxBridge:
    """So much is to be bought, and so much is set aside for it. `gained` is what the step has
    brought the platform; a loss is less than nothing."""

    to_buy: Money
    set_aside: Money
    gained: Money


@strawberry.type
class FxBridged:
    """The bridge after the step."""

    bridge: FxBridge


FxBridgePayload = Annotated[FxBridged | Problem, strawberry.union("FxBridgePayload")]


@strawberry.type
class FxRateWasSet:
    """The rate that holds now."""

    rate: FxRate


FxRateSetPayload = Annotated[FxRateWasSet | Problem, strawberry.union("FxRateSetPayload")]


@strawberry.type
class ExchangeQuery:
    """Exchange rates."""

    @strawberry.field(description="Every rate that was set, by its moment, the newest first.")
    async def fx_rates(
        self,
        info: Info,
        filter: FxRatesFilter | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> FxRateConnection:
        """Read a page of rates."""
        asked = filter or FxRatesFilter()
        page = await queries.rates_page(
            base=asked.base, quote=asked.quote, first=first, after=after
        )
        edges = [
            FxRateEdge(cursor=cursor, node=_rate(one))
            for one, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return FxRateConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@strawberry.type
class ExchangeMutation:
    """Setting exchange rates."""

    @strawberry.mutation(
        description="Say what a currency is worth in another one.", extensions=[Refusals()]
    )
    async def fx_rate_set(self, info: Info, input: FxRateSetInput) -> FxRateSetPayload:
        """Append a rate; it holds from now on."""
        (rate,) = await setting.set_rates(
            [_wanted(input)],
            source=input.source,
            actor=info.context.actor,
            confirmed_change_bp=_confirmed(input.confirm_change_bp),
        )
        return FxRateWasSet(rate=_rate(rate))

    @strawberry.mutation(
        description="Value what is to be bought at today's rate; the difference is E:FX.",
        extensions=[Refusals()],
    )
    async def fx_revalue(self, info: Info, input: FxRevalueInput) -> FxBridgePayload:
        """Revalue a bridge."""
        bridge, gained = await bridges.revalue(base=input.base, quote=input.quote)
        return FxBridged(bridge=_bridge(bridge, gained))


def _bridge(one: Bridge, gained_minor: int) -> FxBridge:
    return FxBridge(
        to_buy=amount(one.to_buy_minor, one.base),
        set_aside=amount(one.set_aside_minor, one.quote),
        gained=amount(gained_minor, one.quote),
    )


def _wanted(input: FxRateSetInput) -> NewRate:
    taken_at = moment_in(input.taken_at, field="takenAt") if input.taken_at is not None else None
    return NewRate(input.base, input.quote, parsed_rate(input.rate), taken_at)


def _confirmed(change_bp: int | None) -> int:
    if change_bp is None:
        return 0
    if not 0 <= change_bp <= _MOST_CHANGE_BP:
        raise Invalid("A change is 0 to 1000000 basis points.", field="confirmChangeBp")
    return change_bp


def _rate(one: SetRate) -> FxRate:
    return FxRate(
        id=strawberry.ID(public_id(_KIND, one.id)),
        base=one.base,
        quote=one.quote,
        rate=written_rate(one.value),
        source=one.source,
        taken_at=one.taken_at,
        fresh_until=one.fresh_until,
        is_fresh=one.is_fresh,
        set_by=one.set_by,
        set_at=one.set_at,
    )
