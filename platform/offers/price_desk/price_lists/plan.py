"""What an uploaded price list asks for, in the shop's own terms: listings, and rules by place."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.ids import new_id
from offers.price_desk.changes import Change
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.guarding import BrokenPrice, refusal_of
from offers.price_desk.listings import ListingDraft
from offers.price_desk.own_rules import DeskRule, LayerKey, OwnRules, seat_of
from offers.price_desk.price_lists.places import Names, names_of
from offers.price_desk.rules import MAX_IN_ONE_PLACE, MAX_RULES, TooManyRules
from offers.price_desk.sheets import FileFormat, read_records
from offers.price_desk.sheets.price_list import LineProblem, PriceLine, read_price_list
from offers.price_desk.sheets.rule_cells import EVERYTHING, PLAIN, ListedGoods
from offers.price_desk.sheets.values import CellProblem
from tenants.directory import Shop
from tenants.pricing import RuleKind, Scope

FIELD: Final = "uploadId"
_EVER_SINCE: Final = datetime.min.replace(tzinfo=UTC)

_KNOWN_SKUS: Final = """
select s.id, s.code, (s.face_currency = $3) as has_face from skus s
where s.code = any ($1::text[]) and s.status = 'ACTIVE'
  and not exists (select from tenant_listings hidden
                  where hidden.sku_id = s.id and not hidden.visible
                    and hidden.tenant_id = any ($2::uuid[]))"""

_KNOWN_CATEGORIES: Final = "select id, slug from categories where slug = any ($1::text[])"


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """What one row makes of one place; where it `clears`, the draft says no more than which."""

    line: int
    draft: RuleDraft
    clears: bool


@dataclass(frozen=True)
class Plan:
    """What the rows ask for, and everything that is wrong with them by themselves."""

    sku_ids: tuple[UUID, ...]
    """Of every line about a SKU, sorted: how far a look through the goods has got in lines."""
    listings: tuple[ListingDraft, ...]
    rules: tuple[PlannedRule, ...]
    problems: tuple[LineProblem, ...]
    lines_total: int


async def plan_of(shop: Shop, content: bytes, file_format: FileFormat) -> Plan:
    """Read an upload; raises `FileRefused` for what is no price list."""
    # Other work goes on meanwhile.
    lines, problems = await asyncio.to_thread(_read, content, file_format, shop.currency)
    known = await _known_goods(shop, lines)
    names = await names_of(shop, names={line.place.whom for line in lines} - {""})
    for line in lines:
        problems += [LineProblem(line.line, *wrong) for wrong in _wrong(line, known, names)]
    good = lines if not problems else ()
    skus = {line.line: known.skus[code]["id"] for line in good if (code := line.goods.sku_code)}
    return Plan(
        sku_ids=tuple(sorted(skus.values())),
        listings=tuple(_listing(line, skus[line.line]) for line in good if _shows(line)),
        rules=tuple(
            PlannedRule(
                line.line,
                names.draft_at(line.place, line.goods.scope, known.target(line.goods), line.rule),
                clears=line.rule is None,
            )
            for line in good
            if line.sets_rule
        ),
        problems=tuple(sorted(problems, key=lambda problem: (problem.line, problem.column))),
        lines_total=len(lines),
    )


def _read(
    content: bytes, file_format: FileFormat, currency: str
) -> tuple[list[PriceLine], list[LineProblem]]:
    return read_price_list(read_records(content, file_format=file_format), currency=currency)


@dataclass(frozen=True, slots=True)
class _Known:
    """The goods that a file may name: SKUs by their codes, categories by their slugs."""

    skus: Mapping[str, Any]
    categories: Mapping[str, UUID]

    def target(self, goods: ListedGoods) -> UUID | None:
        """What a rule on these goods is on."""
        if goods.sku_code:
            sku_id: UUID = self.skus[goods.sku_code]["id"]
            return sku_id
        return None if goods.category == EVERYTHING else self.categories[goods.category]


async def _known_goods(shop: Shop, lines: Sequence[PriceLine]) -> _Known:
    """The SKUs that reach the shop, any other code is unknown here; and the categories."""
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(
        scope,
        _KNOWN_SKUS,
        list({line.goods.sku_code for line in lines} - {""}),
        list(shop.path[:-1]),
        shop.currency,
    )
    slugs = {line.goods.category for line in lines} - {"", EVERYTHING}
    found = await db.read(scope, _KNOWN_CATEGORIES, list(slugs)) if slugs else []
    return _Known({row["code"]: row for row in rows}, {row["slug"]: row["id"] for row in found})


def _wrong(line: PriceLine, known: _Known, names: Names) -> Iterator[tuple[str, CellProblem]]:
    goods, place = line.goods, line.place
    sku = known.skus.get(goods.sku_code)
    if goods.scope is not Scope.SKU:
        if goods.scope is Scope.CATEGORY and goods.category not in known.categories:
            yield "category", CellProblem.UNKNOWN_NAME
    elif sku is None:
        yield "sku", CellProblem.UNKNOWN_SKU
    elif line.rule is not None and line.rule.kind is RuleKind.PERCENT_OF_FACE:
        if not sku["has_face"]:
            yield "rule", CellProblem.NOT_ALLOWED
    if place.listed_for.is_named and (place.listed_for, place.whom) not in names.ids:
        yield "whom", CellProblem.UNKNOWN_NAME
    if not line.title.isprintable():
        yield "title", CellProblem.UNKNOWN_WORD


def _shows(line: PriceLine) -> bool:
    says_more = line.sets_title or line.visible is not None or line.position is not None
    return line.goods.scope is Scope.SKU and line.place == PLAIN and says_more


def _listing(line: PriceLine, sku_id: UUID) -> ListingDraft:
    title = line.title if line.sets_title else None
    return ListingDraft(sku_id=sku_id, visible=line.visible, title=title, position=line.position)


@dataclass(frozen=True)
class PlannedChange:
    """What a plan would change of a shop's rules as they are, and the lines that say so."""

    change: Change
    after: OwnRules
    lines: Mapping[UUID, int]
    """By the rule that the line puts or takes away."""
    lines_of_layers: Mapping[tuple[UUID | None, LayerKey], int]

    @property
    def problems(self) -> tuple[LineProblem, ...]:
        """What cannot stand beside what there is: too much in one place, and at one time."""
        return (*self._crowded(), *self._overlapping())

    def _crowded(self) -> Iterator[LineProblem]:
        for rules in self._together(lambda one: (*one.layer, one.rule.target_id)):
            if len(rules) > MAX_IN_ONE_PLACE:
                line = max(self.lines.get(one.rule.id, 0) for one in rules)
                column = "sku" if rules[0].rule.scope is Scope.SKU else "category"
                yield LineProblem(line, column, CellProblem.TOO_MANY)

    def _overlapping(self) -> Iterator[LineProblem]:
        """One of two rules whose windows overlap stands in the file."""
        for rules in self._together(
            lambda one: (*one.layer, one.rule.target_id, one.rule.min_quantity)
        ):
            for earlier, later in pairwise(sorted(rules, key=_since)):
                if earlier.ends_at is None or _since(later) < earlier.ends_at:
                    line = self.lines.get(later.rule.id) or self.lines[earlier.rule.id]
                    yield LineProblem(line, "starts", CellProblem.OVERLAPS)

    def _together(self, place: Callable[[DeskRule], Hashable]) -> Iterable[list[DeskRule]]:
        """The shop's rules as they would be, where the file puts one, by their places."""
        touched = {place(one) for one in self.change.put}
        found: dict[Hashable, list[DeskRule]] = defaultdict(list)
        for one in self.after.rules.values():
            if (here := place(one)) in touched:
                found[here].append(one)
        return found.values()

    def problem_of(self, broken: BrokenPrice) -> LineProblem:
        """Name the line behind a price that breaks a guard."""
        rule_id = None if broken.rule is None else broken.rule.id
        line = None if rule_id is None else self.lines.get(rule_id)
        if line is None:  # a less specific rule prices where a line has cleared a place
            wider = (broken.sku.id, *broken.sku.category_path, None)
            line = next(
                self.lines_of_layers[target_id, broken.layer]
                for target_id in wider
                if (target_id, broken.layer) in self.lines_of_layers
            )
        return LineProblem(line, "value", refusal_of(broken.guard).code)


def _since(one: DeskRule) -> datetime:
    return one.starts_at or _EVER_SINCE


def change_of(shop: Shop, before: OwnRules, plan: Plan) -> PlannedChange:
    """What a plan changes: a rule that stands already as it is asked for is left alone.

    Raises `TooManyRules`.
    """
    put: list[DeskRule] = []
    drop: set[UUID] = set()
    lines: dict[UUID, int] = {}
    lines_of_layers: dict[tuple[UUID | None, LayerKey], int] = {}
    for planned in plan.rules:
        wished = planned.draft.as_rule(rule_id=new_id(), owner_id=shop.id)
        lines_of_layers.setdefault((wished.rule.target_id, wished.layer), planned.line)
        sitting = before.by_seat.get(seat_of(wished))
        if sitting is not None:
            wished = replace(wished, rule=replace(wished.rule, id=sitting.rule.id))
        lines[wished.rule.id] = planned.line
        if not planned.clears and wished != sitting:
            put.append(wished)
        elif planned.clears and sitting is not None:
            drop.add(sitting.rule.id)
    change = Change(put=tuple(put), drop=frozenset(drop), field=FIELD)
    after = change.rules_after(before)
    if len(after.rules) > max(MAX_RULES, len(before.rules)):
        raise TooManyRules(f"A shop has at most {MAX_RULES} price rules.", field=FIELD)
    return PlannedChange(change, after, lines, lines_of_layers)
