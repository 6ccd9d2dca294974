"""Changing what a shop asks: rules one by one, secret prices, and the least margin."""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from offers.price_desk.changes import Change
from offers.price_desk.drafts import NoSuchRule, RuleDraft
from offers.price_desk.own_rules import DeskRule, OwnRules, seat_of
from offers.price_desk.rule_rows import RuleView, delete_rules, rules_by_id, write_rules
from offers.price_desk.targets import require_skus
from offers.price_desk.writing import write_guarded
from tenants.directory import Shop
from tenants.pricing import Scope

MAX_RULES: Final = 20_000
"""Of one shop. A check reads all of them."""


MAX_IN_ONE_PLACE: Final = 50
"""Of one SKU, category or catalogue for the same people: quantities and windows. A check compares
each of them with every other, and a page shows them all."""


class TooManyRules(Invalid):
    """The shop has as many rules as one may have."""


async def upsert_rule(shop: Shop, draft: RuleDraft, *, rule_id: UUID | None = None) -> RuleView:
    """Write a rule; without an id the one that sits in the same place is replaced.

    Raises `NoSuchRule`, `NotFound` for what the draft names, `SeatTaken`, and what
    `require_guards` raises.
    """
    if draft.scope is Scope.SKU and draft.target_id is not None:
        await require_skus(shop, [draft.target_id])

    def change_of(before: OwnRules) -> Change:
        return rule_change(shop, before, draft, rule_id=rule_id)

    async def write(change: Change) -> UUID:
        await write_rules(shop, change.put)
        return change.put[0].rule.id

    written = await write_guarded(shop, change_of=change_of, write=write)
    [view] = await rules_by_id(shop, [written])
    return view


def rule_change(
    shop: Shop, before: OwnRules, draft: RuleDraft, *, rule_id: UUID | None = None
) -> Change:
    """What writing a draft would change; raises `NoSuchRule` and `TooManyRules`."""
    if rule_id is not None and rule_id not in before.rules:
        raise NoSuchRule("There is no such price rule.", field="ruleId")
    wished = draft.as_rule(rule_id=rule_id or new_id(), owner_id=shop.id)
    if rule_id is None:
        sitting = sitting_at(before, wished)
        if sitting is not None:
            wished = draft.as_rule(rule_id=sitting.rule.id, owner_id=shop.id)
        elif len(before.rules) >= MAX_RULES:
            raise TooManyRules(f"A shop has at most {MAX_RULES} price rules.", field="scope")
    _require_place(before, wished)
    return Change(put=(wished,))


def _require_place(before: OwnRules, wished: DeskRule) -> None:
    """Raise `TooManyRules` where as many rules as there may be price the same for the same."""

    def place(one: DeskRule) -> tuple[object, ...]:
        return (*one.layer, one.rule.scope, one.rule.target_id)

    wanted = place(wished)
    beside = sum(
        place(one) == wanted for one in before.rules.values() if one.rule.id != wished.rule.id
    )
    if beside >= MAX_IN_ONE_PLACE:
        raise TooManyRules(
            f"At most {MAX_IN_ONE_PLACE} rules price the same goods for the same people.",
            field="minQuantity",
        )


def sitting_at(before: OwnRules, wished: DeskRule) -> DeskRule | None:
    """The rule that sits where this one would."""
    return before.by_seat.get(seat_of(wished))


async def delete_rule(shop: Shop, rule_id: UUID) -> None:
    """Take a rule away; what it hid prices instead, and is checked.

    Raises `NoSuchRule`, and what `require_guards` raises.
    """

    def change_of(before: OwnRules) -> Change:
        return Change(drop=frozenset({rule_id}), field="ruleId")

    async def write(change: Change) -> int:
        return await delete_rules(shop, list(change.drop))

    if not await write_guarded(shop, change_of=change_of, write=write):
        raise NoSuchRule("There is no such price rule.", field="ruleId")


async def set_least_margin(shop: Shop, *, min_margin_minor: int) -> None:
    """Set what the shop earns at least on a piece that a child sells, in minor units.

    Raises `Invalid` for an amount that is none, and what `require_guards` raises.
    """
    if not 0 <= min_margin_minor <= 1_000_000_000:
        raise Invalid("A least margin is out of range.", field="amount")

    def change_of(before: OwnRules) -> Change:
        return Change(min_margin_minor=min_margin_minor, field="amount")

    async def write(change: Change) -> int:
        return await db.execute(
            "update tenants set min_margin_minor = $2 where id = $1", shop.id, min_margin_minor
        )

    await write_guarded(shop, change_of=change_of, write=write)
