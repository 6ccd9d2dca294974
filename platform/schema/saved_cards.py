"""Cards that a customer keeps for the next time."""

from typing import Annotated

import strawberry

from billing.saved_cards import cards
from kernel.ids import parse_id, public_id
from schema.context import Context, Info
from schema.problems import Problem, Refusals


@strawberry.type(description="A card that the channel keeps for the customer.")
class SavedCard:
    """What its owner knows it by; nobody here has its number. At most twenty are kept."""

    id: strawberry.ID
    brand: str
    last4: str
    expires_month: int
    expires_year: int


@strawberry.input
class SavedCardRemoveInput:
    """A card that is not to be kept any more."""

    card_id: strawberry.ID


@strawberry.type
class SavedCardsChanged:
    """What is kept after the change."""

    saved_cards: list[SavedCard] = strawberry.field(metadata={"assumed_size": 20})


SavedCardsPayload = Annotated[SavedCardsChanged | Problem, strawberry.union("SavedCardsPayload")]


@strawberry.type
class SavedCardMutation:
    """Taking away; a card is kept by paying with it (`PaymentStartInput.saveCard`)."""

    @strawberry.mutation(description="Keep a card no longer.", extensions=[Refusals()])
    async def saved_card_remove(self, info: Info, input: SavedCardRemoveInput) -> SavedCardsPayload:
        """Remove it here at once, and at the channel after."""
        context = info.context
        assert context.customer_id is not None  # the role × field table lets only customers in
        await cards.remove(
            tenant_id=context.shop.id,
            customer_id=context.customer_id,
            card_id=parse_id("crd", input.card_id, field="cardId"),
        )
        return SavedCardsChanged(saved_cards=await own_saved_cards(context))


async def own_saved_cards(context: Context) -> list[SavedCard]:
    """Read what the signed-in customer keeps."""
    assert context.customer_id is not None
    found = await cards.saved_cards(tenant_id=context.shop.id, customer_id=context.customer_id)
    return [
        SavedCard(
            id=strawberry.ID(public_id("crd", one.id)),
            brand=one.brand,
            last4=one.last4,
            expires_month=one.expires_month,
            expires_year=one.expires_year,
        )
        for one in found
    ]
