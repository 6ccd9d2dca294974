"""From the supply price down the tree to the shop's retail price, and the guards on the way.

The path is T0 (the platform) → T1 → … → Tn (the shop); c0 is the supply price, c_i what T(i-1)
charges T_i for one piece, r the shop's retail price. All amounts are minor units of one currency.

Why a price that passes guard G5 never makes a negative share, for any quantity. Let
x = r·a/10,000 be the exact affiliate commission on one piece at the worst rate a, and
y = r·f/10,000 the exact fee of the dearest channel. At settlement a line of q pieces pays
⌊q·x⌋ commission (`affiliates/commission.py`) and at most ⌈q·y⌉ fee (`orders/split.py`), each
rounded once on the line's total. G5 asks r - c_n ≥ x + y, in whole numbers:

    (r - c_n)·10,000 ≥ r·(a + f)

Then q·(r - c_n) - ⌊q·x⌋ ≥ q·(x + y) - q·x = q·y. The left side is a whole number, so it is at
least ⌈q·y⌉: the shop's share covers the fee. A smaller part paid through the channel only lowers
the fee. The guard is also no stricter than it must be: at q = 10,000 both shares are whole and
the two inequalities are the same. Testing one piece with rounded shares would not do: x = 0.9
rounds down to nothing for one piece, but two pieces owe 1.

Why it also holds with quantity tiers. The quantity is looked at in one place: a rule on a SKU
prices lines of `min_quantity` pieces and more (`books.py`). So costs and retail price of a line of
q pieces are c_i(q) and r(q), the same for all quantities between two neighbouring breaks of the
path (`quantity_breaks`), and every guard is asked of exactly these. The proof above takes c_n and r
as given and any q: for a line of q pieces at r(q) it is the proof of that line. A part of the line
that is refunded later keeps the line's prices, and is another q of the same c_n and r. Nothing is
said about two quantities at once, and nothing need be: a break that loses money is refused for the
lines that reach it, and for no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from kernel.money import BASIS_POINTS, MAX_AMOUNT_MINOR, MAX_RATE_BP, share_bp_floor
from tenants.pricing.books import Asked, RuleBook, most_specific
from tenants.pricing.rules import charge_minor

EARNING_DEPTH: Final = 3
"""Agents between the platform and the shop that earn on a sale, where the platform says nothing."""


class Guard(StrEnum):
    """What a price must never break."""

    RATE = "RATE"
    """The supply is in another currency, and nobody has said lately what that is worth."""
    RANGE = "RANGE"
    """0 ≤ supply price and r ≤ 2**53 - 1."""
    G1 = "G1"
    """c_i ≥ c_(i-1) + the least margin of T(i-1): nobody on the path sells at a loss."""
    G2 = "G2"
    """floor ≤ r ≤ ceiling."""
    G3 = "G3"
    """r ≥ c_n: the shop does not sell below its own cost."""
    G4 = "G4"
    """No level marks up more than it may, nor all of them together."""
    G5 = "G5"
    """The shop's margin pays the worst affiliate rate and the dearest channel's fee."""


@dataclass(frozen=True, slots=True)
class PathLevel:
    """One tenant on the path with its two rule books; made once for a page of SKUs.

    `wholesale_rules` price for its child on the path; `retail_rules` of the shop for the buyer who
    asks, of everybody above it for everyone: what those ask is a suggestion to the next.
    `min_margin_minor` is the least it earns on a piece sold through a child, `max_markup_bp` the
    most it may add to its cost, for child and buyer alike (None: no limit).
    Raises `ValueError` for a negative limit, which would let a loss pass the guards.
    """

    tenant_id: UUID
    wholesale_rules: RuleBook
    retail_rules: RuleBook
    min_margin_minor: int = 0
    max_markup_bp: int | None = None

    def __post_init__(self) -> None:
        if self.min_margin_minor < 0 or (self.max_markup_bp or 0) < 0:
            raise ValueError("a level's least margin and most markup cannot be negative")


@dataclass(frozen=True, slots=True)
class PriceInputs:
    """Everything that one price depends on, and nothing else.

    `levels` run from the root T0 to the shop Tn; the root alone is a path too (n = 0).
    `category_path` runs from the product's own category up to the top. `face_value_minor` is None
    for goods without one, and for one in another currency than the path's. `floor_minor` is the
    highest of all floors on the SKU, whatever they apply to, `ceiling_minor` the lowest of all
    ceilings; `net_floor_minor` is the highest floor on what is left after discounts, which are
    not known here: it goes out with the price. `quantity` is the line's.
    `suggested_retail_minor` is the parent's suggestion, used when the shop has no rule.
    The cumulative cap lets r exceed the platform's suggestion by `cumulative_cap_bp` at most; it
    holds when both are given. Of the agents between platform and shop, counted from the top, at
    most `earning_depth` earn; a deeper one passes its cost on. `worst_affiliate_bp` and
    `dearest_channel_fee_bp` are the highest rates that this shop could have to pay on a sale.
    Without a `supply_price_minor` there is no rate for the supply's currency.
    The retail price is rounded up to a multiple of `retail_step_minor`, which channels can charge.
    Raises `ValueError` for an empty path or for rates that are not 0 to 10,000 basis points.
    """

    sku_id: UUID
    category_path: tuple[UUID, ...]
    face_value_minor: int | None
    supply_price_minor: int | None
    levels: tuple[PathLevel, ...]
    floor_minor: int | None = None
    ceiling_minor: int | None = None
    suggested_retail_minor: int | None = None
    platform_suggested_minor: int | None = None
    cumulative_cap_bp: int | None = None
    worst_affiliate_bp: int = 0
    dearest_channel_fee_bp: int = 0
    quantity: int = 1
    net_floor_minor: int | None = None
    earning_depth: int = EARNING_DEPTH
    retail_step_minor: int = 1

    def __post_init__(self) -> None:
        if not self.levels:
            raise ValueError("a path has at least its root")
        if not (
            0 <= self.worst_affiliate_bp <= MAX_RATE_BP
            and 0 <= self.dearest_channel_fee_bp <= MAX_RATE_BP
            and (self.cumulative_cap_bp or 0) >= 0
        ):
            raise ValueError(f"a rate is 0 to {MAX_RATE_BP} basis points, a cap at least 0")
        if self.quantity < 1 or self.earning_depth < 0:
            raise ValueError("a line has at least one piece, and no fewer agents earn than none")

    @property
    def asked(self) -> Asked:
        """What the rules are asked about."""
        return Asked(self.sku_id, self.category_path, self.face_value_minor, self.quantity)


@dataclass(frozen=True, slots=True)
class Priced:
    """A price that may be shown: costs c0 … cn and the retail price, of one piece.

    `net_floor_minor` is what a piece must still cost the buyer after all discounts.
    """

    costs: tuple[int, ...]
    retail_minor: int
    net_floor_minor: int | None = None

    @property
    def cost_minor(self) -> int:
        """Return what one piece costs the shop itself, c_n."""
        return self.costs[-1]


@dataclass(frozen=True, slots=True)
class Broken:
    """A price that must not be shown: which guard it broke, and at which level (0 = root).

    `actual_minor` is on the wrong side of `limit_minor`. For the eyes of that level's tenant and
    the operator only: both numbers may tell a cost that a child must not know. `costs` are those of
    a whole path whose shop alone asks what it must not; none where the path itself is broken.
    """

    guard: Guard
    level: int
    actual_minor: int
    limit_minor: int
    costs: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def detail(self) -> str:
        """Write the breach in minor units: "9500 against a limit of 9600"."""
        return f"{self.actual_minor} against a limit of {self.limit_minor}"


def price(inputs: PriceInputs) -> Priced | Broken:
    """Price one SKU for one shop, or name the first guard that breaks.

    Along the path each parent's most specific wholesale rule makes the child's cost, and a parent
    without a rule, or too deep to earn, passes its own cost on. Retail comes from the shop's most
    specific retail rule, else the parent's suggestion, else it is the shop's own cost. Guards are
    tried down the path (G1, G4), then on the retail price (G3, G2, G4, G5). Amounts are minor
    units for one piece of a line of `inputs.quantity`.
    """
    asked = inputs.asked
    costs = _costs_down_the_path(inputs, asked)
    if isinstance(costs, Broken):
        return costs
    retail_minor = _retail_minor(inputs, asked, cost_minor=costs[-1])
    broken = _broken_retail_guard(inputs, cost_minor=costs[-1], retail_minor=retail_minor)
    if broken is not None:
        return replace(broken, costs=costs)
    return Priced(costs, retail_minor, inputs.net_floor_minor)


def quantity_breaks(levels: Sequence[PathLevel], sku_id: UUID) -> tuple[int, ...]:
    """The numbers of pieces, above one, from which on a line of this SKU may have other prices.

    Ascending. Between two of them nothing depends on the quantity: suggestions are for one piece.
    """
    *above, shop = levels
    breaks = shop.retail_rules.breaks_on(sku_id)
    for seller in above:
        breaks |= seller.wholesale_rules.breaks_on(sku_id)
    return tuple(sorted(breaks))


def _costs_down_the_path(inputs: PriceInputs, asked: Asked) -> tuple[int, ...] | Broken:
    cost_minor = inputs.supply_price_minor
    if cost_minor is None:
        return Broken(Guard.RATE, 0, 0, 0)
    if cost_minor < 0:
        return Broken(Guard.RANGE, 0, cost_minor, 0)
    costs = [cost_minor]
    for level, seller in enumerate(inputs.levels[:-1]):
        # The platform is level 0 and always earns; who may not has no least margin either.
        if level <= inputs.earning_depth:
            charged = _charged_to_the_child(seller, asked, level=level, cost_minor=cost_minor)
            if isinstance(charged, Broken):
                return charged
            cost_minor = charged
        costs.append(cost_minor)
    return tuple(costs)


def _charged_to_the_child(
    seller: PathLevel, asked: Asked, *, level: int, cost_minor: int
) -> int | Broken:
    charged_minor = _charged_by_rules(seller.wholesale_rules, asked, cost_minor=cost_minor)
    if charged_minor is None:
        charged_minor = cost_minor
    least_minor = cost_minor + seller.min_margin_minor
    if charged_minor < least_minor:
        return Broken(Guard.G1, level, charged_minor, least_minor)
    if seller.max_markup_bp is not None:
        most_minor = cost_minor + share_bp_floor(amount_minor=cost_minor, bp=seller.max_markup_bp)
        if charged_minor > most_minor:
            return Broken(Guard.G4, level, charged_minor, most_minor)
    return charged_minor


def _charged_by_rules(rules: RuleBook, asked: Asked, *, cost_minor: int) -> int | None:
    rule = most_specific(rules, asked)
    if rule is None:
        return None
    return charge_minor(rule, cost_minor=cost_minor, face_value_minor=asked.face_value_minor)


def _retail_minor(inputs: PriceInputs, asked: Asked, *, cost_minor: int) -> int:
    shop = inputs.levels[-1]
    charged_minor = _charged_by_rules(shop.retail_rules, asked, cost_minor=cost_minor)
    if charged_minor is None:
        charged_minor = inputs.suggested_retail_minor
    if charged_minor is None:
        charged_minor = cost_minor
    return -(-charged_minor // inputs.retail_step_minor) * inputs.retail_step_minor


def _broken_retail_guard(
    inputs: PriceInputs, *, cost_minor: int, retail_minor: int
) -> Broken | None:
    """The limits on r from below, then from above, then on what the margin must carry."""
    shop_level = len(inputs.levels) - 1
    if retail_minor < cost_minor:
        return Broken(Guard.G3, shop_level, retail_minor, cost_minor)
    if inputs.floor_minor is not None and retail_minor < inputs.floor_minor:
        return Broken(Guard.G2, shop_level, retail_minor, inputs.floor_minor)
    if inputs.ceiling_minor is not None and retail_minor > inputs.ceiling_minor:
        return Broken(Guard.G2, shop_level, retail_minor, inputs.ceiling_minor)
    # Costs only grow down the path, so this bounds every one of them.
    if retail_minor > MAX_AMOUNT_MINOR:
        return Broken(Guard.RANGE, shop_level, retail_minor, MAX_AMOUNT_MINOR)
    most_minor = _most_retail_minor(inputs, cost_minor=cost_minor)
    if most_minor is not None and retail_minor > most_minor:
        return Broken(Guard.G4, shop_level, retail_minor, most_minor)
    margin_minor = retail_minor - cost_minor
    owed_exact = retail_minor * (inputs.worst_affiliate_bp + inputs.dearest_channel_fee_bp)
    if margin_minor * BASIS_POINTS < owed_exact:
        return Broken(Guard.G5, shop_level, margin_minor, -(-owed_exact // BASIS_POINTS))
    return None


def _most_retail_minor(inputs: PriceInputs, *, cost_minor: int) -> int | None:
    """The lower of the shop's own markup cap and the whole tree's cumulative one."""
    caps = []
    markup_bp = inputs.levels[-1].max_markup_bp
    if markup_bp is not None:
        caps.append(cost_minor + share_bp_floor(amount_minor=cost_minor, bp=markup_bp))
    suggested_minor, cap_bp = inputs.platform_suggested_minor, inputs.cumulative_cap_bp
    if suggested_minor is not None and cap_bp is not None:
        caps.append(suggested_minor + share_bp_floor(amount_minor=suggested_minor, bp=cap_bp))
    return min(caps) if caps else None
