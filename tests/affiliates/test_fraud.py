"""What speaks against an affiliate's earning, rule by rule, and over graphs of related people."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affiliates.fraud import FLOOD_CLICKS, Facts, Person, Suspicion, suspicions

NOBODY = Person()
HONEST = Facts(
    buyer=Person(
        accounts=frozenset({b"buyer"}),
        cards=frozenset({b"visa"}),
        contacts=frozenset({b"mail"}),
        addresses=frozenset({b"street"}),
        devices=frozenset({b"phone"}),
    ),
    affiliates={
        "star": Person(
            accounts=frozenset({b"star"}),
            cards=frozenset({b"mastercard"}),
            contacts=frozenset({b"star's mail"}),
            payouts=frozenset({b"star's bank"}),
        )
    },
    sellers=Person(payouts=frozenset({b"shop's bank"})),
    mail_domain="example.com",
    click_to_order=timedelta(minutes=3),
    clicks_of_address=2,
)


def seen(facts: Facts) -> set[Suspicion]:
    return {hit.suspicion for hit in suspicions(facts)}


def star(**what: frozenset[bytes]) -> dict[str, Person]:
    return {"star": replace(HONEST.affiliates["star"], **what)}


def test_an_honest_order_is_held_by_nothing() -> None:
    assert suspicions(HONEST) == ()
    assert suspicions(Facts(buyer=NOBODY, affiliates={"star": NOBODY}, sellers=NOBODY)) == ()


@pytest.mark.parametrize(
    ("facts", "suspicion"),
    [
        (replace(HONEST, affiliates=star(accounts=frozenset({b"buyer"}))), "SAME_CUSTOMER"),
        (replace(HONEST, affiliates=star(cards=frozenset({b"visa"}))), "SAME_CARD"),
        (replace(HONEST, affiliates=star(contacts=frozenset({b"mail"}))), "SAME_CONTACT"),
        (replace(HONEST, affiliates=star(addresses=frozenset({b"street"}))), "SAME_ADDRESS"),
        (replace(HONEST, affiliates=star(devices=frozenset({b"phone"}))), "SAME_DEVICE"),
        (replace(HONEST, affiliates=star(payouts=frozenset({b"shop's bank"}))), "SELLER_RING"),
        (replace(HONEST, mail_domain="eu.mailinator.com"), "THROWAWAY_MAIL"),
        (replace(HONEST, clicks_of_address=FLOOD_CLICKS + 1), "CLICK_FLOOD"),
        (replace(HONEST, click_to_order=timedelta(seconds=4.9)), "TOO_FAST"),
        (replace(HONEST, another_led_here=True, click_to_order=None), "LATE_CODE"),
        (
            replace(HONEST, another_led_here=True, click_to_order=timedelta(seconds=119)),
            "LATE_CODE",
        ),
    ],
)
def test_each_rule_sees_what_it_is_for_and_says_it_in_words(facts: Facts, suspicion: str) -> None:
    (hit,) = suspicions(facts)
    assert hit.suspicion == suspicion
    assert hit.words.endswith(".")


@pytest.mark.parametrize(
    "facts",
    [
        replace(HONEST, clicks_of_address=FLOOD_CLICKS),
        replace(HONEST, click_to_order=timedelta(seconds=5)),
        replace(HONEST, another_led_here=True, click_to_order=timedelta(minutes=2)),
        replace(HONEST, mail_domain="notmailinator.com"),
    ],
)
def test_what_is_just_within_bounds_is_not_held(facts: Facts) -> None:
    assert suspicions(facts) == ()


def test_two_tiers_that_are_paid_at_one_account_are_one_person() -> None:
    both = {**star(), "moon": replace(NOBODY, payouts=frozenset({b"star's bank"}))}
    assert seen(replace(HONEST, affiliates=both)) == {Suspicion.SAME_PAYOUT}


_MARKS = st.frozensets(st.sampled_from([b"1", b"2", b"3", b"4"]), max_size=2)
_PEOPLE = st.builds(
    Person,
    accounts=_MARKS,
    cards=_MARKS,
    contacts=_MARKS,
    addresses=_MARKS,
    devices=_MARKS,
    payouts=_MARKS,
)
_OF_BUYER = ("accounts", "cards", "contacts", "addresses", "devices")


@given(_PEOPLE, st.lists(_PEOPLE, min_size=1, max_size=3), _PEOPLE)
def test_whoever_is_related_to_the_buyer_to_another_tier_or_to_the_seller_is_seen(
    buyer: Person, tiers: list[Person], sellers: Person
) -> None:
    """Any graph of shared cards, contacts, devices and accounts: an edge is seen, and only edges
    are, whichever of the tiers has it."""
    names = {f"tier{place}": one for place, one in enumerate(tiers)}
    found = seen(Facts(buyer=buyer, affiliates=names, sellers=sellers))
    touching = any(getattr(buyer, what) & getattr(one, what) for what in _OF_BUYER for one in tiers)
    pairs = [(one, other) for place, one in enumerate(tiers) for other in tiers[:place]]
    together = any(one.payouts & other.payouts for one, other in pairs)
    ring = any(one.payouts & sellers.payouts for one in tiers)
    assert bool(found - {Suspicion.SAME_PAYOUT, Suspicion.SELLER_RING}) == touching
    assert (Suspicion.SAME_PAYOUT in found) == together
    assert (Suspicion.SELLER_RING in found) == ring
    turned = dict(reversed(names.items()))
    assert seen(Facts(buyer=buyer, affiliates=turned, sellers=sellers)) == found
