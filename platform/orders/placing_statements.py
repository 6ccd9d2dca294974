"""The statements that write an order, put together from the rooms' parts.

Each way of ordering has its own, made when it is first gone: an order that has no coupons is placed
by a statement that knows of none, so coupons cost it nothing, and so with everything else that most
orders do not have.
"""

from dataclasses import dataclass
from functools import cache

from affiliates import parts as affiliate_parts
from billing import ledger, payment_parts, trade_moves
from kernel.statements import Statement
from orders import admission, forms, idempotency, parts
from orders.manual import manual_parts
from promotions import coupon_parts
from promotions.points import parts as points_parts
from supply import holding


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What is special about an order.

    `pays`: a balance pays it at once; else it waits for its payment. `at_cost`: the shop buys it
    out of its trade balance. `coupons`: some were given; `points`: some are redeemed; `funded`: a
    budget pays for a part. `earns`: its customer earns points. `forms`: the buyer has said
    something for its goods. `titled`: the shop calls some of them by a name of its own, which the
    order keeps. `by_hand`: a person delivers some of them. `brought`: an affiliate
    has to do with it. `exchanged`: a supplier is owed in another currency.
    """

    pays: bool = False
    at_cost: bool = False
    coupons: bool = False
    points: bool = False
    funded: bool = False
    earns: bool = False
    forms: bool = False
    titled: bool = False
    by_hand: bool = False
    brought: bool = False
    exchanged: bool = False


_ANSWER = """
select said.is_first, moment.now, held.*,
       case when said.refusal is not null then give_up(said.refusal)
            {coupons}
            {points}
            {funds}
            when said.is_first and held.n is null then give_up('SHORT')
       end as gave_up
from moment left join admission said on true left join held on true
"""
_COUPONS_ANSWER = """when exists (select from coupon_admission where refusal is not null)
                then give_up((select refusal from coupon_admission))"""
_POINTS_ANSWER = """when exists (select from points_admission where refusal is not null)
                then give_up('POINTS')"""
_FUNDS_ANSWER = """when (select held_minor from funds) < :wallet_minor::bigint
                then give_up('FUNDS ' || (select held_minor from funds))"""
_ENTERED = """
select said.is_first, {refusal} as refusal, moment.now, (select count(*) from admitted)
from moment left join admission said on true {joined}
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
        coupons=_COUPONS_ANSWER if way.coupons else "",
        points=_POINTS_ANSWER if way.points else "",
        funds=_FUNDS_ANSWER if way.pays else "",
    )
    return Statement.of(
        parts.MOMENT_ALONE, *_enter(way), *_pick(way), *_write(way), *_settle(way), then=answer
    )


@cache
def enter_alone(way: Way) -> Statement:
    """Who may order, before keys are waited for: the first statement of a transaction."""
    asked = _asked(way)
    later = _asked_later(way)
    refusal = f"coalesce(said.refusal{''.join(f', {one}.refusal' for one in later)})"
    joined = " ".join(f"left join {one} on true" for one in later)
    return Statement.of(
        parts.MOMENT,
        *_enter(way),
        payment_parts.LOCK_WALLET.format(
            only_if=f"exists (select from {asked} where refusal is null)"
            if later
            else "exists (select from admission)"
        ),
        # Counting the wallet's rows makes sure that its lock comes before any key's.
        f"""admitted as materialized (
            select 1 from {asked} where refusal is null and (select count(*) from wallet) >= 0
        )""",
        then=_ENTERED.format(refusal=refusal, joined=joined),
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
    return ("admission", *_asked_later(way))[-1]


def _asked_later(way: Way) -> tuple[str, ...]:
    """The parts behind the admission that may refuse, each where those before it have not."""
    coupons = ("coupon_admission",) if way.coupons else ()
    return (*coupons, "points_admission") if way.points else coupons


def _enter(way: Way) -> tuple[str, ...]:
    coupons = (coupon_parts.TAKE,) if way.coupons else ()
    after = "coupon_admission" if way.coupons else "admission"
    points = (points_parts.TAKE.format(after=after),) if way.points else ()
    return (idempotency.CLAIM, _admission(way), *coupons, *points)


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
    order = parts.write_order(
        at_cost=way.at_cost,
        titled=way.titled,
        earns=way.earns,
        by_hand=way.by_hand,
        exchanged=way.exchanged,
    )
    if way.by_hand:
        order = f"{order}, {manual_parts.WRITE}"
    discounts = (parts.WRITE_DISCOUNTS,) if way.coupons or way.points else ()
    said = (forms.WRITE_FORMS,) if way.forms else ()
    brought = (affiliate_parts.WRITE,) if way.brought else ()
    return (order, *discounts, *said, *brought)


def _settle(way: Way) -> tuple[str, ...]:
    """The sale; of an order that waits, what a budget holds for it."""
    if not way.pays:
        return (ledger.POST,) if way.funded else ()
    moves = (trade_moves.MOVE,) if way.at_cost else ()
    earned = (points_parts.EARN,) if way.earns else ()
    return (*_pay(way), *moves, *earned, ledger.POST)


def _pay(way: Way) -> tuple[str, str]:
    return payment_parts.OPEN, parts.HAND_OVER_THE_REST if way.by_hand else parts.HAND_OVER
