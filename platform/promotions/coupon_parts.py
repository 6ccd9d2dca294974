"""The coupons' parts of the sale's statements: uses taken, and budgets that can pay for them.

They stand between `admission` and the wallet: coupons come before wallets and keys in the order of
locks. An order without coupons is placed by statements that do not have them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from billing import accounts
from promotions.coupon_refusals import refusal_for
from promotions.coupons import Coupon

TAKE = """
coupon_takings as materialized (
    select wanted.n, coalesce(
        coupon_refusal(wanted.coupon_id, wanted.code_id, :tenant_id::uuid, :path::uuid[],
                       wanted.first_of, moment.now),
        take_coupon(wanted.id, :tenant_id::uuid, :order_id::uuid, wanted.coupon_id,
                    wanted.code_id, wanted.holder, wanted.places, wanted.is_limited,
                    wanted.is_single, wanted.first_of, wanted.by_refund, moment.now)) as refusal
    from admission, moment,
         unnest(:use_ids::uuid[], :coupon_ids::uuid[], :code_ids::uuid[],
                :coupon_holders::bytea[], :coupon_places::smallint[],
                :coupons_limited::boolean[], :codes_single::boolean[],
                :coupon_firsts::uuid[], :coupons_by_refund::boolean[]) with ordinality
         as wanted (id, coupon_id, code_id, holder, places, is_limited, is_single, first_of,
                    by_refund, n)
    where admission.refusal is null
), budgets as materialized (
    select lock_balance(budget.account_id) as held_minor, budget.needed_minor
    from (select count(*) as number from coupon_takings where refusal is null) as taken,
         unnest(:budget_accounts::uuid[], :budget_needs::bigint[])
         as budget (account_id, needed_minor)
    where taken.number = cardinality(:use_ids::uuid[])
), coupon_admission as materialized (
    select coalesce(
        (select 'COUPON ' || n || ' ' || refusal from coupon_takings
         where refusal is not null order by n limit 1),
        (select 'COUPON 0 BUDGET' from budgets where held_minor < needed_minor limit 1)) as refusal
    from admission where admission.refusal is null
)
"""
"""Takes every coupon's use and locks every payer's budget where `admission` refuses nothing.

`coupon_admission` says in `refusal` which coupon is not to be had, or null. `path` and `moment`
are the order's.
"""


@dataclass(frozen=True, slots=True)
class Taking:
    """One use of a coupon that an order will take."""

    use_id: UUID
    coupon: Coupon
    holder: bytes | None
    customer_id: UUID | None


def taking_values(
    takings: Sequence[Taking], needs: Mapping[UUID | None, int], *, currency: str
) -> dict[str, Any]:
    """Give the values of `TAKE`: coupons and budgets each by their ids, so that two orders that
    want the same cannot wait for each other."""
    ordered = in_lock_order(takings)
    budgets = sorted(
        (accounts.promo(party_id, currency).id, needed_minor)
        for party_id, needed_minor in needs.items()
    )
    return {
        "use_ids": [taking.use_id for taking in ordered],
        "coupon_ids": [taking.coupon.id for taking in ordered],
        "code_ids": [taking.coupon.code_id for taking in ordered],
        "coupon_holders": [taking.holder if taking.coupon.places else None for taking in ordered],
        "coupon_places": [taking.coupon.places for taking in ordered],
        "coupons_limited": [taking.coupon.is_limited for taking in ordered],
        "codes_single": [taking.coupon.is_single for taking in ordered],
        "coupon_firsts": [
            taking.customer_id if taking.coupon.first_order else None for taking in ordered
        ],
        "coupons_by_refund": [taking.coupon.returned_by_refund for taking in ordered],
        "budget_accounts": [account_id for account_id, _ in budgets],
        "budget_needs": [needed_minor for _, needed_minor in budgets],
    }


def in_lock_order(takings: Sequence[Taking]) -> list[Taking]:
    """By the coupons' ids."""
    return sorted(takings, key=lambda taking: taking.coupon.id)


def taking_refusal(words: str, takings: Sequence[Taking]) -> Exception:
    """The refusal behind what `coupon_admission` has said, without its first word."""
    place, _, reason = words.partition(" ")
    ordered = in_lock_order(takings)
    if reason == "BUDGET":
        funded = [taking for taking in ordered if not is_paid_by_shop(taking.coupon)] or ordered
        return refusal_for("EXHAUSTED", funded[-1].coupon.code)
    return refusal_for(reason, ordered[int(place) - 1].coupon.code)


def is_paid_by_shop(coupon: Coupon) -> bool:
    """True where nobody's budget is asked."""
    return all(payer.kind == "SHOP" for payer in coupon.terms.payers)
