"""E10 as pure functions: the numbers of the example, and what a lost amount has bought."""

from dataclasses import replace
from uuid import UUID

import pytest

from billing import accounts
from billing.ledger import Entry, debit, merged
from billing.postings import disputes as postings
from kernel.ids import new_id
from orders.disputes.bearing import GOODS_BAD, GOODS_GOOD, GUARANTEED, line_loss, rule_of
from orders.disputes.coming_back import pieces_for
from orders.records import Line, Order, ShareRow

CASE = new_id()
SUPPLIER, AGENT, SHOP, STAR, ROOT = (new_id() for _ in range(5))


def _sums(entries: list[Entry]) -> dict[str, int]:
    return {entry.account.code: entry.amount_minor for entry in merged(entries)}


def test_opened_won_and_lost_post_the_numbers_of_the_example() -> None:
    opened = postings.withdrawn(
        case_id=CASE, provider="stripe", currency="CNY", amount_minor=10_500, fee_minor=1_500
    )
    assert _sums(opened) == {
        "A:DISPUTE": 10_500,
        "E:DISPUTE_FEE": 1_500,
        "A:GATEWAY:STRIPE": -12_000,
    }
    won = postings.reinstated(
        case_id=CASE, provider="stripe", currency="CNY", amount_minor=10_500, fee_back_minor=1_500
    )
    assert merged([*opened, *won]) == []
    lost = postings.lost(
        case_id=CASE,
        currency="CNY",
        drawn=[
            debit(accounts.party_held(STAR, "CNY"), 315),
            debit(accounts.party_held(SHOP, "CNY"), 1_122),
            debit(accounts.receivable(SHOP, "CNY"), 9_063 + 1_500),
        ],
        owed_to_buyer_minor=0,
        claimed_minor=10_500,
        rest_minor=0,
        fee_minor=1_500,
    )
    by_account = {entry.account: entry.amount_minor for entry in merged(lost)}
    assert by_account == {
        accounts.party_held(STAR, "CNY"): 315,
        accounts.party_held(SHOP, "CNY"): 1_122,
        accounts.receivable(SHOP, "CNY"): 10_563,
        accounts.dispute(CASE, "CNY"): -10_500,
        accounts.revenue("DISPUTE_RECOVERY", "CNY"): -1_500,
    }


def _line(**changes: int) -> Line:
    line = Line(
        id=new_id(),
        order_id=new_id(),
        sku_id=new_id(),
        supplier_listing_id=new_id(),
        quantity=1,
        unit_price_minor=10_500,
        net_minor=10_500,
        refunded_minor=0,
        returned_quantity=0,
        channel_fee_minor=63,
        key_ids=(),
    )
    return replace(line, **changes)  # type: ignore[arg-type]  # numbers alone are changed


def _order(*path: UUID) -> Order:
    values: dict[str, object] = dict.fromkeys(Order.__slots__)
    return Order(**{**values, "path": path, "tenant_id": path[-1], "currency": "CNY"})  # type: ignore[arg-type]  # the rest is not looked at


_SHARES = [
    ShareRow(new_id(), new_id(), kind, party, role, minor, 0)
    for kind, party, role, minor in (
        ("SUPPLIER", SUPPLIER, "SUPPLY", 7_600),
        ("PLATFORM", None, "SUPPLIER_COMMISSION", 400),
        ("PLATFORM", None, "WHOLESALE_MARGIN", 500),
        ("TENANT", AGENT, "AGENT_MARGIN", 500),
        ("AFFILIATE", STAR, "AFFILIATE", 315),
        ("TENANT", SHOP, "SHOP_MARGIN", 1_185),
    )
]


@pytest.mark.parametrize(
    ("rule", "amount_minor", "unopened_minor", "taken", "borne"),
    [
        (GOODS_GOOD, 10_500, 0, {SHOP: 10_185, STAR: 315}, (9_000, 0)),
        (GOODS_GOOD, 5_250, 0, {SHOP: 5_093, STAR: 157}, (4_501, 0)),
        (
            GOODS_GOOD,
            10_500,
            10_500,
            {SUPPLIER: 7_600, None: 900, AGENT: 500, STAR: 315, SHOP: 1_185},
            (0, 0),
        ),
        (
            GOODS_BAD,
            10_500,
            0,
            {SUPPLIER: 7_663, None: 900, AGENT: 500, STAR: 315, SHOP: 1_122},
            (0, 0),
        ),
        (GUARANTEED, 10_500, 0, {}, (10_500, 10_500)),
    ],
)
def test_who_bears_a_line(
    rule: str,
    amount_minor: int,
    unopened_minor: int,
    taken: dict[UUID | None, int],
    borne: tuple[int, int],
) -> None:
    loss = line_loss(
        _order(ROOT, AGENT, SHOP),
        _line(),
        _SHARES,
        amount_minor=amount_minor,
        unopened_minor=unopened_minor,
        to_funders_minor=0,
        rule=rule,
    )
    claimed: dict[UUID | None, int] = {}
    for claim in loss.reversal.claims:
        claimed[claim.party_id] = claimed.get(claim.party_id, 0) + claim.amount_minor
    assert claimed == taken
    assert (loss.borne_minor, loss.platform_minor) == borne
    assert sum(part for _, part in loss.reversal.by_share) + loss.borne_minor == amount_minor


def test_bad_goods_are_the_suppliers_whoever_has_guaranteed_the_sale() -> None:
    assert rule_of(goods="BAD", liability="PLATFORM") == GOODS_BAD
    assert rule_of(goods="GOOD", liability="PLATFORM") == GUARANTEED
    assert rule_of(goods="GOOD", liability="SHOP") == GOODS_GOOD


@pytest.mark.parametrize(
    ("amount_minor", "unopened", "pieces"),
    [(1_000, 3, (3, 1_000)), (1_000, 2, (2, 666)), (400, 3, (1, 333)), (300, 3, (0, 0))],
)
def test_what_a_lost_amount_has_bought_comes_back(
    amount_minor: int, unopened: int, pieces: tuple[int, int]
) -> None:
    line = _line(quantity=3, net_minor=1_000)
    assert pieces_for(line, amount_minor, unopened=unopened) == pieces
