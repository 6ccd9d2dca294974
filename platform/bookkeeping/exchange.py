"""The bridges between currencies: what is open on them, what was bought at the bank, what it lost.

Orders have sold so much of one currency for another that suppliers are owed; the platform buys that
at its bank later, and at another rate. The difference is the platform's: it goes to E:FX.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import credit, debit
from exchange.arithmetic import Rate
from exchange.rates import FRESH_RATES, Rates
from kernel import db
from kernel.errors import Invalid, Refusal
from kernel.ids import new_id
from kernel.money import CURRENCY_EXPONENTS, MAX_AMOUNT_MINOR


class NoFreshRate(Refusal):
    """Nobody has said lately what the currency is worth."""

    code = "RATE_MISSING"


@dataclass(frozen=True, slots=True)
class Bridge:
    """What is open between two currencies: so much of `base` is to be bought, and orders have set
    so much of `quote` aside for it; in minor units of each."""

    base: str
    quote: str
    to_buy_minor: int
    set_aside_minor: int


async def revalue(*, base: str, quote: str) -> tuple[Bridge, int]:
    """Set aside what is to be bought costs today, rounded up; the bridge, and what was gained.

    Less than nothing is a loss. A second time at the same rate moves nothing. Raises `Invalid`,
    `NoFreshRate`.
    """
    _require_pair(base, quote)
    async with db.transaction(db.core_scope()):
        bridge = await _locked(base, quote)
        rate = await _fresh(base, quote) if bridge.to_buy_minor else None
        due_minor = rate.up(bridge.to_buy_minor) if rate is not None else 0
        gained_minor = bridge.set_aside_minor - due_minor
        if gained_minor:
            await ledger.post(
                [
                    debit(accounts.exchange(base, quote), gained_minor),
                    credit(accounts.expense("FX", quote), gained_minor),
                ],
                kind="E16_FX_REVALUED",
                idempotency_key=f"fx-revalued:{new_id()}",
                tenant_id=None,
            )
    return Bridge(base, quote, bridge.to_buy_minor, due_minor), gained_minor


async def settle(
    *, base: str, quote: str, bought_minor: int, sold_minor: int, idempotency_key: str
) -> Bridge:
    """Note what was bought at the bank, and what was paid for it, once for each key.

    What is left on the other side is a gain or a loss for `revalue` to say. Raises `Invalid`, also
    for more than is to be bought.
    """
    _require_pair(base, quote)
    if not 1 <= len(idempotency_key) <= MOST_KEY:
        raise Invalid(
            "An idempotency key has 1 to 128 characters, best a random UUID.",
            field="idempotencyKey",
        )
    for field, minor in (("bought", bought_minor), ("sold", sold_minor)):
        if not 1 <= minor <= MAX_AMOUNT_MINOR:
            raise Invalid("An amount is at least one minor unit.", field=field)
    async with db.transaction(db.core_scope()):
        bridge = await _locked(base, quote)
        posting_key = f"fx-settled:{base}:{quote}:{bought_minor}:{sold_minor}:{idempotency_key}"
        if await _is_posted(posting_key):
            return bridge
        if bought_minor > bridge.to_buy_minor:
            raise Invalid("Orders have not sold as much of this currency.", field="bought")
        await ledger.post(
            [
                debit(accounts.bank(base), bought_minor),
                credit(accounts.exchange(quote, base), bought_minor),
                debit(accounts.exchange(base, quote), sold_minor),
                credit(accounts.bank(quote), sold_minor),
            ],
            kind="E16_FX_SETTLED",
            idempotency_key=posting_key,
            tenant_id=None,
        )
    left_minor = bridge.to_buy_minor - bought_minor
    return Bridge(base, quote, left_minor, bridge.set_aside_minor - sold_minor)


MOST_KEY: Final = 128


def _require_pair(base: str, quote: str) -> None:
    for field, code in (("base", base), ("quote", quote)):
        if code not in CURRENCY_EXPONENTS:
            raise Invalid("There is no such currency.", field=field)
    if base == quote:
        raise Invalid("A rate is between two currencies.", field="quote")


async def _locked(base: str, quote: str) -> Bridge:
    """The bridge, both of whose sides are locked until commit."""
    sides = [accounts.exchange(quote, base), accounts.exchange(base, quote)]
    bought, aside = await ledger.lock_balances(sides)
    # A balance is what a liability holds: the side in `base` is an asset until it is bought.
    return Bridge(base, quote, -bought, aside)


async def _fresh(base: str, quote: str) -> Rate:
    rate = Rates.of(await db.fetch_value(f"select {FRESH_RATES}")).get(base, quote)
    if rate is None:
        raise NoFreshRate("Nobody has said lately what this currency is worth.", field="base")
    return rate


async def _is_posted(posting_key: str) -> bool:
    found: UUID | None = await db.fetch_value(
        "select id from ledger_transactions where idempotency_key = $1", posting_key
    )
    return found is not None
