"""Which ways to pay a shop has for so much money, the refusal of all others, and their change."""

from uuid import UUID

from billing.payment_choices import Choice
from billing.payment_methods import CARD_KEEPERS, METHODS, WALLET
from kernel import db
from kernel.errors import Invalid
from tenants.directory import Shop
from tenants.ways_to_pay import take


def offered(shop: Shop, *, amount_minor: int | None = None) -> list[str]:
    """The codes of what the shop takes; with an amount, of what takes so much."""
    return [
        code
        for code in shop.payment_methods
        if code == WALLET or (code in METHODS and METHODS[code].takes(shop.currency, amount_minor))
    ]


def require_taken(shop: Shop, method: str, *, channel_minor: int, choice: Choice) -> None:
    """Raise `Invalid` unless the channel's part can be paid by this method, as it was chosen."""
    _require_card_to_fit(method, choice)
    if method == WALLET:
        if choice.mode is not None:
            raise Invalid("A wallet pays at once, and nowhere else.", field="mode")
        return
    require_method(shop, method, amount_minor=channel_minor)
    if choice.mode is not None and choice.mode not in METHODS[method].modes:
        raise Invalid("This payment method is not paid in that way.", field="mode")


def require_signed_in(customer_id: UUID | None, choice: Choice) -> None:
    """Raise `Invalid` for a guest's card that is to be kept, or was."""
    if choice.with_card and customer_id is None:
        raise Invalid("Only a signed-in customer keeps cards.", field=_card_field(choice))


def _require_card_to_fit(method: str, choice: Choice) -> None:
    if not choice.with_card:
        return
    if method not in CARD_KEEPERS:
        raise Invalid("Only a bank card is kept.", field=_card_field(choice))
    if choice.saves_card and choice.saved_card_id is not None:
        raise Invalid("This card is kept already.", field="saveCard")
    if choice.saved_card_id is not None and choice.mode == "HOSTED":
        raise Invalid("This payment method is not paid in that way.", field="mode")


def _card_field(choice: Choice) -> str:
    return "saveCard" if choice.saves_card else "savedCardId"


def require_method(shop: Shop, method: str, *, amount_minor: int) -> None:
    """Raise `Invalid` unless there is such a channel, it is on, and it takes so much."""
    _require_on(method)
    if not METHODS[method].takes(shop.currency, amount_minor):
        raise Invalid("This payment method does not take this amount.", field="method")


def _require_on(method: str) -> None:
    if method not in METHODS or not METHODS[method].is_on:
        raise Invalid("This payment method is not offered.", field="method")


async def set_taken(shop: Shop, method: str, *, is_taken: bool) -> list[str]:
    """Let the shop take a way to pay, or take it no more; returns the codes of what it takes.

    Raises `Invalid` for what is off, or takes nothing in the shop's currency, and for the last one.
    """
    if is_taken and method != WALLET:
        _require_on(method)
        if not METHODS[method].takes(shop.currency):
            raise Invalid("This payment method does not take this currency.", field="method")
    async with db.transaction(db.core_scope(shop.id)):
        return await take(shop.id, method, is_taken=is_taken)


def require_for_top_up(shop: Shop, method: str, *, amount_minor: int) -> None:
    """The same for money that fills a balance, which nobody's credit may do."""
    require_method(shop, method, amount_minor=amount_minor)
    if not METHODS[method].tops_up:
        raise Invalid("No balance is filled by this payment method.", field="method")
