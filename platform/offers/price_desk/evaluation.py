"""What goods cost and fetch in one shop, as its rules are or as they would be."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from billing.payment_methods import dearest_fee_bp
from kernel.money import payable_step_minor
from offers.price_desk.goods import DeskSku, Portion
from offers.statements import Row
from tenants.directory import Shop
from tenants.path_terms import path_terms
from tenants.pricing import (
    EARNING_DEPTH,
    Broken,
    PathLevel,
    Priced,
    PriceInputs,
    RuleBook,
    price,
    with_suggestions,
)

_NOBODY: Final = UUID(int=0)
_NO_RULES: Final = RuleBook()


@dataclass(frozen=True, slots=True)
class Ground:
    """Where prices are made: the levels of a path, and what the shop at its end pays and lists."""

    shop: Shop
    levels: tuple[PathLevel, ...]
    payment_methods: tuple[str, ...]
    cumulative_cap_bp: int | None = None
    earning_depth: int = EARNING_DEPTH

    @property
    def own_level(self) -> int:
        """The shop's place in the path, the platform's being 0."""
        return len(self.levels) - 1

    @property
    def own(self) -> PathLevel:
        """The shop's own level."""
        return self.levels[-1]

    def with_own(self, level: PathLevel) -> "Ground":
        """The same ground with another level of the shop's own."""
        return replace(self, levels=(*self.levels[:-1], level))

    def with_level(self, place: int, level: PathLevel) -> "Ground":
        """The same ground with another level somewhere on the path."""
        return replace(self, levels=(*self.levels[:place], level, *self.levels[place + 1 :]))

    def inputs(self, sku: DeskSku, offer: Row, *, quantity: int = 1) -> PriceInputs:
        """Everything that the price of one offer in the shop depends on."""
        floors = (sku.row["floor_minor"], offer["min_retail_minor"])
        ceilings = (sku.row["ceiling_minor"], offer["max_retail_minor"])
        return PriceInputs(
            sku_id=sku.id,
            category_path=sku.category_path,
            face_value_minor=self.face_value_minor(sku),
            supply_price_minor=offer["supply_price_minor"],
            levels=self.levels,
            floor_minor=max((one for one in floors if one is not None), default=None),
            ceiling_minor=min((one for one in ceilings if one is not None), default=None),
            cumulative_cap_bp=self.cumulative_cap_bp,
            worst_affiliate_bp=sku.row["worst_affiliate_bp"],
            dearest_channel_fee_bp=dearest_fee_bp(self.payment_methods),
            quantity=quantity,
            earning_depth=self.earning_depth,
            retail_step_minor=payable_step_minor(self.shop.currency),
        )

    def face_value_minor(self, sku: DeskSku) -> int | None:
        """The SKU's face value, None in another currency than the shop's."""
        if sku.row["face_currency"] != self.shop.currency:
            return None
        face_value_minor: int | None = sku.row["face_value_minor"]
        return face_value_minor

    def retail(self, sku: DeskSku, offer: Row, *, quantity: int = 1) -> Priced | Broken:
        """What the shop asks for a piece of an offer."""
        return price(with_suggestions(self.inputs(sku, offer, quantity=quantity)))

    def wholesale(
        self, sku: DeskSku, offer: Row, rules: RuleBook, *, quantity: int = 1
    ) -> Priced | Broken:
        """What the shop would charge a child by these rules: the cost at the end of `costs`.

        The child is nobody: it sells at cost, without limits of its own.
        """
        child = PathLevel(_NOBODY, _NO_RULES, _NO_RULES)
        inputs = self.inputs(sku, offer, quantity=quantity)
        return price(
            replace(
                inputs,
                levels=(
                    *self.levels[:-1],
                    replace(self.own, wholesale_rules=rules),
                    child,
                ),
                floor_minor=None,
                ceiling_minor=None,
                cumulative_cap_bp=None,
                worst_affiliate_bp=0,
                dearest_channel_fee_bp=0,
            )
        )

    def own_cost_minor(self, sku: DeskSku, offer: Row, *, quantity: int = 1) -> int | None:
        """What a piece costs the shop itself; None where nobody above can sell it."""
        free = self.with_own(replace(self.own, min_margin_minor=0, max_markup_bp=None))
        result = free.wholesale(sku, offer, _NO_RULES, quantity=quantity)
        return result.cost_minor if isinstance(result, Priced) else None


async def ground_of(shop: Shop, portion: Portion) -> Ground | None:
    """The ground at exactly the versions of a portion; None when they are no longer true."""
    terms = await path_terms(shop, portion.versions)
    if terms is None:
        return None
    return Ground(
        shop=shop,
        levels=terms.levels,
        payment_methods=terms.payment_methods,
        cumulative_cap_bp=terms.cumulative_cap_bp,
        earning_depth=terms.earning_depth,
    )
