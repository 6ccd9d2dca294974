"""Secret prices (密价): what one child, or one customer, is asked for a SKU."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.errors import Invalid
from offers.price_desk.changes import Change
from offers.price_desk.drafts import NoSuchRule, RuleDraft
from offers.price_desk.own_rules import OwnRules, seat_of
from offers.price_desk.rule_rows import RuleView, delete_rules
from offers.price_desk.rules import upsert_rule
from offers.price_desk.targets import require_skus
from offers.price_desk.writing import write_guarded
from tenants.directory import Shop
from tenants.pricing import Audience, ForKind, Rounding, RuleKind, Scope
from tenants.queries import child_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPrice:
    """A price of one SKU for one child or one customer; exactly one of the two is named.

    `price_minor` is None where the secret price is taken away.
    """

    sku_id: UUID
    price_minor: int | None
    child_slug: str | None = None
    customer_id: UUID | None = None
    min_quantity: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.child_slug is None) == (self.customer_id is None):
            raise Invalid("A secret price is for one child or for one customer.", field="child")


async def set_secret_price(shop: Shop, wish: SecretPrice) -> RuleView | None:
    """Set or take away a secret price; returns the rule that stands now.

    Raises what `upsert_rule` raises, and `NoSuchRule` where there is none to take away.
    """
    draft = await _draft(shop, wish)
    if wish.price_minor is not None:
        return await upsert_rule(shop, draft)
    await require_skus(shop, [wish.sku_id])

    def change_of(before: OwnRules) -> Change:
        sought = seat_of(draft.as_rule(rule_id=wish.sku_id, owner_id=shop.id))
        sitting = before.by_seat.get(sought)
        if sitting is None:
            raise NoSuchRule("There is no such price rule.", field="price")
        return Change(drop=frozenset({sitting.rule.id}), field="price")

    async def write(change: Change) -> int:
        return await delete_rules(shop, list(change.drop))

    await write_guarded(shop, change_of=change_of, write=write)
    return None


async def _draft(shop: Shop, wish: SecretPrice) -> RuleDraft:
    for_id = wish.customer_id
    if wish.child_slug is not None:
        for_id = (await child_of(shop.id, wish.child_slug)).id
    is_wholesale = wish.child_slug is not None
    return RuleDraft(
        audience=Audience.WHOLESALE if is_wholesale else Audience.RETAIL,
        for_kind=ForKind.CHILD if is_wholesale else ForKind.CUSTOMER,
        for_id=for_id,
        scope=Scope.SKU,
        target_id=wish.sku_id,
        kind=RuleKind.ABSOLUTE,
        value=1 if wish.price_minor is None else wish.price_minor,
        rounding=Rounding.NONE,
        min_quantity=wish.min_quantity,
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
    )
