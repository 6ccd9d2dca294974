"""What speaks against an affiliate's earning by an order: pure rules over what is known of both.

Each rule says what it has seen, in words that whoever decides can read. None of them stops an
order: what they find holds the earning until a person has looked.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

SHORTEST_WAY: Final = timedelta(seconds=5)
"""Nobody reads a page, chooses and orders in less."""
FLOOD_CLICKS: Final = 60
"""Of one address to one affiliate in an hour; a household clicks less."""
HIJACK_WINDOW: Final = timedelta(minutes=2)


class Suspicion(StrEnum):
    """A reason to look twice."""

    SAME_CUSTOMER = "SAME_CUSTOMER"
    SAME_CARD = "SAME_CARD"
    SAME_CONTACT = "SAME_CONTACT"
    SAME_ADDRESS = "SAME_ADDRESS"
    SAME_DEVICE = "SAME_DEVICE"
    SAME_PAYOUT = "SAME_PAYOUT"
    SELLER_RING = "SELLER_RING"
    THROWAWAY_MAIL = "THROWAWAY_MAIL"
    CLICK_FLOOD = "CLICK_FLOOD"
    TOO_FAST = "TOO_FAST"
    LATE_CODE = "LATE_CODE"


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of somebody, as keyed hashes: nobody is read, the same are found.

    `accounts` are the customers of the shop that they have; `payouts` the holders of the accounts
    that they are paid at.
    """

    accounts: frozenset[bytes] = frozenset()
    cards: frozenset[bytes] = frozenset()
    contacts: frozenset[bytes] = frozenset()
    addresses: frozenset[bytes] = frozenset()
    devices: frozenset[bytes] = frozenset()
    payouts: frozenset[bytes] = frozenset()

    def __or__(self, other: "Person") -> "Person":
        """Both as one."""
        return Person(
            *(getattr(self, name) | getattr(other, name) for name in Person.__dataclass_fields__)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """An order that an affiliate is thanked for.

    `affiliates` are all that earn by it, with what is known of them; `sellers` are the shops on the
    order's path. `click_to_order` is None where no click has led to it; `clicks_of_address` counts
    those of the click's address in the hour before it. `another_led_here`: a click of another
    affiliate's had led the buyer here just before.
    """

    buyer: Person
    affiliates: Mapping[str, Person]
    sellers: Person
    mail_domain: str | None = None
    click_to_order: timedelta | None = None
    clicks_of_address: int = 0
    another_led_here: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule has seen."""

    suspicion: Suspicion
    words: str


def suspicions(facts: Facts) -> tuple[Hit, ...]:
    """Say what speaks against the earning, each thing once, in the order of the rules."""
    return tuple(hit for rule in _RULES for hit in rule(facts))


_SHARED: Final[tuple[tuple[Suspicion, str, str], ...]] = (
    (Suspicion.SAME_CUSTOMER, "accounts", "has bought by an own link or code"),
    (Suspicion.SAME_CARD, "cards", "keeps a card that the buyer keeps as well"),
    (Suspicion.SAME_CONTACT, "contacts", "has the buyer's mail or phone"),
    (Suspicion.SAME_ADDRESS, "addresses", "gets goods where the buyer does"),
    (Suspicion.SAME_DEVICE, "devices", "uses the browser that the buyer has clicked with"),
)


def _related(facts: Facts) -> Iterator[Hit]:
    """The buyer is one of those who earn by the order, or shares something with one."""
    for suspicion, what, words in _SHARED:
        theirs: frozenset[bytes] = getattr(facts.buyer, what)
        names = [name for name, one in facts.affiliates.items() if theirs & getattr(one, what)]
        if names:
            yield Hit(suspicion, f"{', '.join(sorted(names))} {words}.")


def _paid_together(facts: Facts) -> Iterator[Hit]:
    """Two who earn by one order are paid at one account; so is an affiliate with the seller."""
    seen: dict[bytes, str] = {}
    for name, one in sorted(facts.affiliates.items()):
        for holder in sorted(one.payouts):
            if seen.setdefault(holder, name) != name:
                words = f"{seen[holder]} and {name} are paid at accounts of one holder."
                yield Hit(Suspicion.SAME_PAYOUT, words)
                return


def _rings(facts: Facts) -> Iterator[Hit]:
    sellers = facts.sellers
    for name, one in sorted(facts.affiliates.items()):
        if one.payouts & sellers.payouts:
            yield Hit(Suspicion.SELLER_RING, f"{name} is paid where a seller of the order is.")
            return


#: Addresses that anybody gets without a name, for minutes; a list of the best known ones.
THROWAWAY: Final = frozenset(
    """10minutemail.com 33mail.com discard.email dispostable.com emailondeck.com fakeinbox.com
    getnada.com guerrillamail.com guerrillamail.net linshiyouxiang.net mail-temp.com mailcatch.com
    maildrop.cc mailinator.com mailnesia.com mintemail.com mohmal.com moakt.com sharklasers.com
    spamgourmet.com temp-mail.org tempail.com tempmail.com tempr.email throwawaymail.com
    trashmail.com yopmail.com yopmail.net""".split()
)


def _throwaway(facts: Facts) -> Iterator[Hit]:
    parts = (facts.mail_domain or "").casefold().split(".")
    if any(".".join(parts[place:]) in THROWAWAY for place in range(len(parts))):
        yield Hit(Suspicion.THROWAWAY_MAIL, "The order's mail address is one for minutes.")


def _flood(facts: Facts) -> Iterator[Hit]:
    if facts.clicks_of_address > FLOOD_CLICKS:
        words = f"{facts.clicks_of_address} clicks came from one address in an hour."
        yield Hit(Suspicion.CLICK_FLOOD, words)


def _too_fast(facts: Facts) -> Iterator[Hit]:
    way = facts.click_to_order
    if way is not None and way < SHORTEST_WAY:
        words = f"The order came {max(way.total_seconds(), 0):.1f} s after the click."
        yield Hit(Suspicion.TOO_FAST, words)


def _late(facts: Facts) -> Iterator[Hit]:
    """Somebody else has led the buyer here, and this one only stood at the till."""
    way = facts.click_to_order
    if facts.another_led_here and (way is None or way < HIJACK_WINDOW):
        words = "Another affiliate's click came first, and this one just before the order."
        yield Hit(Suspicion.LATE_CODE, words)


_RULES: Final[tuple[Callable[[Facts], Iterator[Hit]], ...]] = (
    _related,
    _paid_together,
    _rings,
    _throwaway,
    _flood,
    _too_fast,
    _late,
)
