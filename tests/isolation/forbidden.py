"""What may not reach a caller, and the search for it in whatever came back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from isolation.api import Answer
from isolation.neighbours import HIDDEN_SUPPLY, RETAIL, SUPPLY, WHOLESALE, Holdings, Neighbourhood
from isolation.slots import Caller
from kernel.ids import public_id
from schema.field_table.roles import DELIVERERS, OWN_COSTS, PURCHASERS, TRADE_READERS

_KINDS: Final = {
    "orders": "ord",
    "order_lines": "lin",
    "delivered_keys": "dky",
    "customers": "cus",
    "payments": "pay",
    "refunds": "ref",
    "affiliates": "aff",
    "webhook_endpoints": "whk",
    "webhook_deliveries": "wdl",
    "outbox_events": "evt",
    "api_clients": "apc",
    "staff_invitations": "inv",
    "tenant_invitations": "tiv",
    "staff_events": "sev",
    "coupons": "cpn",
}
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d[\d,]*(?:\.\d+)?(?![0-9A-Za-z])")
_QUANTITIES: Final = (1, 2, 3)


@dataclass(frozen=True)
class Forbidden:
    """Texts and amounts (minor units) that a caller may not see."""

    texts: frozenset[str]
    amounts: frozenset[int]

    def found_in(self, answer: Answer) -> list[str]:
        """Name everything forbidden that stands in an answer or its headers."""
        told = {text for text in self.texts if text in answer.text}
        numbers = set(_numbers(answer.body))
        told |= {f"amount {number}" for number in numbers & (self._spellings | self.amounts)}
        return sorted(told)

    @property
    def _spellings(self) -> frozenset[str]:
        plain = {str(amount) for amount in self.amounts}
        return frozenset(plain | {f"{amount // 100}.{amount % 100:02}" for amount in self.amounts})


def _numbers(body: Any) -> Iterator[int | str]:
    """Every number of a body but the query's own cost, and the numbers inside its texts."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name != "cost" or not isinstance(value, dict) or "requested" not in value:
                yield from _numbers(value)
    elif isinstance(body, list):
        for value in body:
            yield from _numbers(value)
    elif isinstance(body, str):
        yield from (match.replace(",", "") for match in _NUMBER.findall(body))
    elif isinstance(body, int) and not isinstance(body, bool):
        yield body


class Secrets:
    """What every tenant and party has to hide, read once from the database as the owner."""

    def __init__(
        self,
        town: Neighbourhood,
        texts: dict[str, frozenset[str]],
        shares: list[asyncpg.Record],
        by_hand: frozenset[str],
        payees: frozenset[str],
    ) -> None:
        self._town = town
        self._texts = texts
        self._shares = shares
        self._by_hand = by_hand
        self._payees = payees

    @classmethod
    async def of(cls, town: Neighbourhood) -> "Secrets":
        """Read the ids, serials and shares of every tenant."""
        texts = {slug: await _texts_of(town, mine) for slug, mine in town.holdings.items()}
        shares = await town.owner.fetch(
            "select party_id, amount_minor from line_shares where amount_minor > 0"
        )
        lines = await town.owner.fetch("select line_id from manual_deliveries")
        by_hand = frozenset(public_id("lin", row["line_id"]) for row in lines)
        paid = await town.owner.fetch("select id from affiliates")
        payees = frozenset(public_id("aff", row["id"]) for row in paid)
        return cls(town, texts, shares, by_hand, payees)

    def kept_from(self, caller: Caller) -> Forbidden:
        """Say what a caller may not see."""
        return Forbidden(frozenset(self._texts_kept_from(caller)), self._amounts_kept_from(caller))

    def _texts_kept_from(self, caller: Caller) -> Iterator[str]:
        for slug, texts in self._texts.items():
            if slug != caller.shop.slug:
                # Who delivers knows the lines that wait for it, whichever shop has sold them.
                known = self._by_hand if caller.role in DELIVERERS else frozenset[str]()
                if caller.role == "OPERATOR":  # whose transfer has come, wherever it was started
                    known |= {self._town.bank.payment_id}
                if caller.role == "OPERATOR":
                    known |= self._payees  # whose payouts it decides about
                theirs = self._town.at(slug)
                if caller.role == "OPERATOR" and len(caller.shop.path) == 1:
                    # There the disputes of all shops stand, with the orders that they are about.
                    known |= {theirs.guests["disputed"].no, public_id("dsp", theirs.dispute)}
                    known |= {self._town.bank.refused_id}  # as do the refunds that wait for them
                yield from texts - known
                # An operator's list names every tenant; a child knows how to reach its parent.
                if not _is_parent(caller, theirs) and caller.role != "OPERATOR":
                    yield f"{slug}title"
                if not _is_child(caller, theirs):
                    yield theirs.helpdesk
        yield "othersuppliercanary"
        if caller.role != "SUPPLIER":
            yield "suppliercanary"
        if caller.shop.slug == "shop":
            yield "hiddencanary"

    def _amounts_kept_from(self, caller: Caller) -> frozenset[int]:
        if caller.role == "OPERATOR":  # sums of the whole ledger are what it is there for
            return frozenset()
        party_id = _party_of(caller)
        others = {s["amount_minor"] for s in self._shares if s["party_id"] != party_id}
        own = {s["amount_minor"] for s in self._shares if s["party_id"] == party_id}
        return frozenset((others | self._costs()) - own - self._own_costs(caller))

    def _costs(self) -> set[int]:
        """Every level's cost and margin, what suppliers take, and what the rival asks."""
        town = self._town
        each = {SUPPLY, HIDDEN_SUPPLY, *WHOLESALE.values(), *RETAIL.values()}
        each |= {town.cost_minor(mine.shop) for mine in town.holdings.values()}
        each |= {town.retail_minor(town.at("rival").shop)}
        return {amount * quantity for amount in each for quantity in _QUANTITIES}

    def _own_costs(self, caller: Caller) -> set[int]:
        """What a caller may know all the same: its own cost, its margin, its supply price."""
        town, shop = self._town, caller.shop
        known: set[int] = set()
        if caller.role == "SUPPLIER":
            known = {SUPPLY}
        elif caller.role in OWN_COSTS | PURCHASERS:
            known = {town.cost_minor(shop), RETAIL[shop.slug]}
            if shop.slug in WHOLESALE:
                known |= {WHOLESALE[shop.slug], town.cost_minor(shop) + WHOLESALE[shop.slug]}
            if shop.slug == "root":  # what suppliers ask is what the platform pays
                known |= {HIDDEN_SUPPLY}
        if caller.role in PURCHASERS | TRADE_READERS:  # the balance tells what was bought with it
            known |= {town.cost_minor(shop) * quantity for quantity in _QUANTITIES}
        return known


def _party_of(caller: Caller) -> UUID | None:
    """Whose shares of a sale the caller may know."""
    if caller.role in ("AFFILIATE", "SUPPLIER") and caller.person is not None:
        return caller.person.id
    speaks_for_shop = caller.role.startswith(("STAFF_", "API_"))
    return caller.shop.id if speaks_for_shop else None


def _is_parent(caller: Caller, of: Holdings) -> bool:
    """Staff of a parent knows its children's names."""
    knows = caller.role.startswith(("STAFF_", "API_"))
    return knows and of.shop.path[-2:-1] == (caller.shop.id,)


def _is_child(caller: Caller, of: Holdings) -> bool:
    """Staff of a child knows how to reach its parent."""
    return caller.role.startswith("STAFF_") and caller.shop.path[-2:-1] == (of.shop.id,)


async def _texts_of(town: Neighbourhood, mine: Holdings) -> frozenset[str]:
    owner, tenant_id = town.owner, mine.shop.id
    texts = {mine.marker, f"+86{mine.phone}", str(tenant_id), *mine.secrets}
    texts |= {order.token for order in mine.orders if order.token}
    texts.add(mine.invitation)
    texts |= {person.token for person in mine.people.values()}
    for table, kind in _KINDS.items():
        for row in await owner.fetch(f"select id from {table} where tenant_id = $1", tenant_id):
            texts |= {public_id(kind, row["id"]), str(row["id"])}
    texts |= {order.no for order in mine.orders}
    texts |= {*mine.invitation_tokens.values(), mine.coupon_code, mine.reset_token}
    for row in await owner.fetch(
        "select staff_id from memberships where tenant_id = $1", tenant_id
    ):
        texts |= {public_id("stf", row["staff_id"]), str(row["staff_id"])}
    texts |= {mine.cart_token, *mine.cart_lines.values()}
    for row in await owner.fetch(
        """select k.serial, encode(k.commitment, 'hex') as commitment from sealed_keys k
           join order_lines l on k.id = any (l.key_ids)
           where l.tenant_id = $1 and k.commitment is not null""",
        tenant_id,
    ):
        texts |= set(row.values())
    return frozenset(texts)
