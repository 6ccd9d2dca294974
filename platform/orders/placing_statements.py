"""The statements that write an order, put together from the rooms' parts.

Each way of ordering has its own, made once: an order that has no coupons is placed by a statement
that knows of none, so coupons cost it nothing. WITH_FUNDS is for coupons that somebody's budget
pays for: its money is held by the same statement.
"""

from typing import Final

from billing import ledger, payment_parts
from kernel.statements import Statement
from orders import admission, idempotency, parts
from promotions import coupon_parts
from supply import holding

_ENTER = (idempotency.CLAIM, admission.ADMISSION)
_WALLET = (
    payment_parts.LOCK_WALLET.format(only_if="exists (select from admission)"),
    # Counting the wallet's rows makes sure that its lock comes before any key's.
    """admitted as materialized (
        select 1 from admission where refusal is null and (select count(*) from wallet) >= 0
    )""",
)
_PAY = (payment_parts.OPEN, parts.HAND_OVER)
_GIVEN = (
    parts.MOMENT,
    "claim as (select)",  # which was made before the keys were waited for
    admission.ADMISSION,
    "ready as (select 1 from admission where refusal is null)",
    parts.GIVEN_KEYS,
)
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
_GIVEN_ANSWER = """
select said.is_first, said.refusal, moment.now, taken.n, taken.id as key_id, sealed.serial,
       sealed.commitment
from moment, admission said, taken join sealed_keys sealed on sealed.id = taken.id
"""


def _place(*more: str, coupons: bool) -> Statement:
    """The order that waits for its payment; `more` stands behind it."""
    return Statement.of(
        parts.MOMENT_ALONE,
        *_ENTER,
        *([coupon_parts.TAKE] if coupons else []),
        f"""admitted as materialized (
            select 1 from {"coupon_admission" if coupons else "admission"} where refusal is null
        )""",
        holding.PICK,
        holding.HOLD,
        parts.WRITE_ORDER,
        *more,
        then=_ANSWER.format(funds="", coupons=_COUPONS_ANSWER if coupons else ""),
    )


def _place_and_pay(*more: str, coupons: bool) -> Statement:
    """The whole sale."""
    return Statement.of(
        parts.MOMENT_ALONE,
        *_ENTER,
        *([coupon_parts.TAKE] if coupons else []),
        ledger.LOCK_FUNDS.format(after="coupon_admission" if coupons else "admission"),
        # Whoever looks for keys has locked the wallet, and can pay.
        """admitted as materialized (
            select 1 from funds where held_minor >= :wallet_minor::bigint
        )""",
        holding.PICK,
        holding.SELL_PICKED,
        parts.WRITE_ORDER,
        *more,
        *_PAY,
        ledger.POST,
        then=_ANSWER.format(funds=_FUNDS_ANSWER, coupons=_COUPONS_ANSWER if coupons else ""),
    )


PLACE: Final = _place(coupons=False)
PLACE_WITH_COUPONS: Final = _place(parts.WRITE_DISCOUNTS, coupons=True)
PLACE_WITH_FUNDS: Final = _place(parts.WRITE_DISCOUNTS, ledger.POST, coupons=True)
PLACE_AND_PAY: Final = _place_and_pay(coupons=False)
PLACE_AND_PAY_WITH_COUPONS: Final = _place_and_pay(parts.WRITE_DISCOUNTS, coupons=True)
ENTER_ALONE: Final = Statement.of(
    parts.MOMENT,
    *_ENTER,
    *_WALLET,
    then="""select said.is_first, said.refusal, moment.now, (select count(*) from admitted)
            from moment left join admission said on true""",
)
ENTER_WITH_COUPONS: Final = Statement.of(
    parts.MOMENT,
    *_ENTER,
    coupon_parts.TAKE,
    payment_parts.LOCK_WALLET.format(
        only_if="exists (select from coupon_admission where refusal is null)"
    ),
    then="""select said.is_first, coalesce(said.refusal, coupon_admission.refusal) as refusal,
                   moment.now, (select count(*) from wallet)
            from moment left join admission said on true left join coupon_admission on true""",
)
WRITE: Final = Statement.of(*_GIVEN, parts.WRITE_ORDER, then=_GIVEN_ANSWER)
WRITE_AND_PAY: Final = Statement.of(*_GIVEN, parts.WRITE_ORDER, *_PAY, then=_GIVEN_ANSWER)
WRITE_WITH_COUPONS: Final = Statement.of(
    *_GIVEN, parts.WRITE_ORDER, parts.WRITE_DISCOUNTS, then=_GIVEN_ANSWER
)
WRITE_WITH_FUNDS: Final = Statement.of(
    *_GIVEN, parts.WRITE_ORDER, parts.WRITE_DISCOUNTS, ledger.POST, then=_GIVEN_ANSWER
)
WRITE_AND_PAY_WITH_COUPONS: Final = Statement.of(
    *_GIVEN, parts.WRITE_ORDER, parts.WRITE_DISCOUNTS, *_PAY, then=_GIVEN_ANSWER
)
