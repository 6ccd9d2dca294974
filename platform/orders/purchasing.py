"""A shop buys at cost, out of its trade balance: the sale with another payer (domain 4, E5).

The unit price is what the shop's parent charges it, so its own margin is nothing, and everybody
above earns exactly what they earn of a sale to the shop's buyers. It is placed as any order is
that a balance pays: keys, delivery and money in one statement. What a person delivers waits in
escrow, as it does for a buyer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from asyncpg import UniqueViolationError

from kernel.errors import Invalid
from kernel.faults import crash_point
from offers.at_cost import CostWish, price_at_cost, require_sensible
from offers.form_values import Values
from offers.quotes import QuotedLine
from orders import checkout, idempotency, news, reveal
from orders.checkout import OrderMade, Purchase
from orders.drafts import Buyer
from orders.idempotency import IdempotencyConflict
from orders.queries import OrderView, order_view_by_id
from orders.records import Viewer
from orders.reveal import RevealedKey, Witness
from supply.pool import OutOfStock
from tenants.directory import Shop

LONGEST_REFERENCE = 64
CUT_AGAIN = 3
"""How often a purchase of what there is looks again, when others have taken it meanwhile."""


@dataclass(frozen=True, slots=True)
class PurchaseWish:
    """What a shop wants to buy at cost, and on which terms. Amounts are in minor units."""

    lines: tuple[CostWish, ...]
    most_total_minor: int | None = None
    client_reference: str | None = None
    partial: bool = False
    """Buy what there is of each line, instead of all or nothing."""
    deliver_now: bool = True
    """Open the keys with the answer; else `keyReveal` opens them."""
    said: Mapping[UUID, Values] = field(default_factory=dict)
    """By the SKU, what its form asks for."""

    def require_sensible(self) -> None:
        """Raise `Invalid` for what can be no purchase, whatever the prices are."""
        require_sensible(self.lines, most_total_minor=self.most_total_minor)
        reference = self.client_reference
        if reference is not None and not (
            1 <= len(reference) <= LONGEST_REFERENCE and reference.isprintable()
        ):
            raise Invalid(
                f"A reference has 1 to {LONGEST_REFERENCE} printable characters.",
                field="clientReference",
            )

    def require_words_about_goods(self) -> None:
        """Raise `Invalid` for words about goods that are not wished for; what there is of the
        others is known by then."""
        if self.said.keys() - {line.sku_id for line in self.lines}:
            raise Invalid("This order has nothing that asks for that.", field="form")

    @property
    def content(self) -> dict[str, object]:
        """What makes a repeated request the same."""
        return {
            "purchase": [
                [line.sku_id, line.quantity, line.most_unit_cost_minor, *_chosen(line)]
                for line in self.lines
            ],
            "most": self.most_total_minor,
            "reference": self.client_reference,
            "partial": self.partial,
            "now": self.deliver_now,
            **idempotency.of_form(self.said),
        }


def _chosen(line: CostWish) -> list[str]:
    """A request from before there was a choice is the same as one without."""
    return [] if line.delivery_mode is None else [line.delivery_mode]


@dataclass(frozen=True, slots=True)
class Bought:
    """The order as it is now, and its keys in the clear where they were to be opened."""

    order: OrderView
    keys: list[RevealedKey] = field(default_factory=list)


async def purchase_at_cost(
    *, shop: Shop, wish: PurchaseWish, witness: Witness, idempotency_key: str
) -> Bought:
    """Buy at the shop's own cost; `witness` is who of the shop asks, and from where.

    What a person delivers is paid, and comes later. A repeated key answers with the first
    purchase. Raises `PriceChanged`, `OutOfStock`,
    `InsufficientBalance`, `TenantRestricted`, `IdempotencyConflict` (for a reference that another
    purchase has, too), `NotFound`, `Invalid`; then nothing is written.
    """
    idempotency.require_key(idempotency_key, guest=False)
    wish.require_sensible()
    made = await _made(shop, wish, witness.actor, idempotency_key)
    order = made.view or await order_view_by_id(shop=shop, order_id=made.order_id)
    in_hand = [key for line in order.lines for key in line.keys if key.returned_at is None]
    crash_point("purchase.made")
    if made.view is not None:
        await news.balance_changed(shop.id)
    if not wish.deliver_now or not in_hand:
        return Bought(order)
    as_it_is, keys = await reveal.reveal_keys(
        shop=shop,
        viewer=Viewer(purchases=True),
        order_no=order.no,
        delivered_key_ids=None,
        witness=witness,
    )
    return Bought(_opened(order, keys, version=as_it_is.version + 1), keys)


def _opened(order: OrderView, keys: Sequence[RevealedKey], *, version: int) -> OrderView:
    """The order as reading it would show it, now that these keys are open."""
    opened_at = {key.id: key.revealed_at for key in keys}
    lines = tuple(
        replace(
            line,
            keys=tuple(
                replace(key, revealed_at=opened_at.get(key.id, key.revealed_at))
                for key in line.keys
            ),
        )
        for line in order.lines
    )
    return replace(order, lines=lines, version=version)


async def _made(shop: Shop, wish: PurchaseWish, purchaser: str, idempotency_key: str) -> OrderMade:
    """The order, made now or by the same request before."""

    async def price() -> Sequence[QuotedLine]:
        priced = await price_at_cost(
            shop, wish.lines, most_total_minor=wish.most_total_minor, partial=wish.partial
        )
        wish.require_words_about_goods()
        return priced

    purchase = Purchase(
        shop=shop,
        buyer=Buyer(purchaser=purchaser),
        request=idempotency.Request(shop.id, purchaser, idempotency_key, wish.content),
        price=price,
        contact=None,
        affiliate_code=None,
        pay_from_wallet=True,
        client_reference=wish.client_reference,
        said=wish.said,
        partial=wish.partial,
    )
    tries = CUT_AGAIN if wish.partial else 1
    for left in reversed(range(tries)):
        try:
            return await checkout.make_order(purchase)
        except OutOfStock:
            if not left:
                raise
        except UniqueViolationError as error:
            _require_of_reference(error)
            raise _reference_taken() from None
    raise AssertionError("the last try answers or raises")


def _require_of_reference(error: UniqueViolationError) -> None:
    """Raise what is no clash of references as the bug that it is."""
    if error.constraint_name != "orders_of_client_reference":
        raise error


def _reference_taken() -> IdempotencyConflict:
    return IdempotencyConflict(
        "Another purchase has this reference: ask for it by the reference.",
        field="clientReference",
    )
