"""The statements that write an order, put together from the rooms' parts.

Each way of ordering has its own, made when it is first gone: an order that has no coupons is placed
by a statement that knows of none, so coupons cost it nothing, and so with everything else that most
orders do not have.
"""

from dataclasses import dataclass
from functools import cache

from billing import ledger, payment_parts, trade_moves
from kernel.statements import Statement
from orders import admission, forms, idempotency, parts
from orders.manual import manual_parts
from promotions import coupon_parts
from supply import holding


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What is special about an order.

    `pays`: a balance pays it at once; else it waits for its payment. `at_cost`: the shop buys it
    out of its trade balance. `coupons`: some were given; `funded`: and a budget pays for one.
    `forms`: the buyer has said something for its goods. `titled`: the shop calls some of them by a
    name of its own, which the order keeps. `by_hand`: a person delivers some of them.
    """

    pays: bool = False
    at_cost: bool = False
    coupons: bool = False
    funded: bool = False
    forms: bool = False
    titled: bool = False
    by_hand: bool = False


_ANSWER = """
select said.is_first, moment.now, held.*,
       case when said.refusal is not null then give_up(said.refusal)
            {coupons}
            {funds}
            when said.is_first and held.n is null then give_up('SHORT')
       end as gave_up
from moment left join admission said on true left join held on true
"""
_COUPONS_ANSWER = """when exists (select from coupon_admission where refusal is not null)
                then give_up((select refusal from coupon_admission))"""
_FUNDS_ANSWER = """when (select held_minor from funds) < :wallet_minor::bigint
                then give_up('FUNDS ' || (select held_minor from funds))"""
_ENTERED = """
select said.is_first, {refusal} as refusal, moment.now, (select count(*) from admitted)
from moment left join admission said on true {coupons}
"""
_GIVEN_ANSWER = """
select said.is_first, said.refusal, moment.now, taken.n, taken.id as key_id, sealed.serial,
       sealed.commitment
from moment, admission said, taken join sealed_keys sealed on sealed.id = taken.id
"""


@cache
def at_once(way: Way) -> Statement:
    """The order with the next free keys, and where a balance pays, all of the sale."""
    answer = _ANSWER.format(
        coupons=_COUPONS_ANSWER if way.coupons else "", funds=_FUNDS_ANSWER if way.pays else ""
    )
    return Statement.of(
        parts.MOMENT_ALONE, *_enter(way), *_pick(way), *_write(way), *_settle(way), then=answer
    )


@cache
def enter_alone(way: Way) -> Statement:
    """Who may order, before keys are waited for: the first statement of a transaction."""
    asked = _asked(way)
    refusal = "coalesce(said.refusal, taking.refusal)" if way.coupons else "said.refusal"
    coupons = "left join coupon_admission taking on true" if way.coupons else ""
    return Statement.of(
        parts.MOMENT,
        *_enter(way),
        payment_parts.LOCK_WALLET.format(
            only_if=f"exists (select from {asked} where refusal is null)"
            if way.coupons
            else "exists (select from admission)"
        ),
        # Counting the wallet's rows makes sure that its lock comes before any key's.
        f"""admitted as materialized (
            select 1 from {asked} where refusal is null and (select count(*) from wallet) >= 0
        )""",
        then=_ENTERED.format(refusal=refusal, coupons=coupons),
    )


@cache
def in_turn(way: Way) -> Statement:
    """The order with keys that were waited for. Who may order is asked again."""
    held = (ledger.POST,) if way.funded and not way.pays else ()
    return Statement.of(
        parts.MOMENT,
        "claim as (select)",  # it was made before the keys were waited for
        _admission(way),
        "ready as (select 1 from admission where refusal is null)",
        parts.GIVEN_KEYS,
        *_write(way),
        *(_pay(way) if way.pays else held),
        then=_GIVEN_ANSWER,
    )


def _admission(way: Way) -> str:
    return admission.PURCHASE_ADMISSION if way.at_cost else admission.ADMISSION


def _asked(way: Way) -> str:
    """The part that has said last whether the order is made."""
    return "coupon_admission" if way.coupons else "admission"


def _enter(way: Way) -> tuple[str, ...]:
    coupons = (coupon_parts.TAKE,) if way.coupons else ()
    return (idempotency.CLAIM, _admission(way), *coupons)


def _pick(way: Way) -> tuple[str, ...]:
    asked = _asked(way)
    if not way.pays:
        admitted = f"admitted as materialized (select 1 from {asked} where refusal is null)"
        return (admitted, holding.PICK, holding.HOLD)
    return (
        ledger.LOCK_FUNDS.format(after=asked),
        # Whoever looks for keys has locked the balance, and can pay.
        "admitted as materialized (select 1 from funds where held_minor >= :wallet_minor::bigint)",
        holding.PICK,
        holding.SELL_PICKED,
    )


def _write(way: Way) -> tuple[str, ...]:
    order = parts.write_order(at_cost=way.at_cost, titled=way.titled, by_hand=way.by_hand)
    if way.by_hand:
        order = f"{order}, {manual_parts.WRITE}"
    discounts = (parts.WRITE_DISCOUNTS,) if way.coupons else ()
    said = (forms.WRITE_FORMS,) if way.forms else ()
    return (order, *discounts, *said)


def _settle(way: Way) -> tuple[str, ...]:
    """The sale; of an order that waits, what a budget holds for it."""
    if not way.pays:
        return (ledger.POST,) if way.funded else ()
    moves = (trade_moves.MOVE,) if way.at_cost else ()
    return (*_pay(way), *moves, ledger.POST)


def _pay(way: Way) -> tuple[str, str]:
    return payment_parts.OPEN, parts.HAND_OVER_THE_REST if way.by_hand else parts.HAND_OVER
