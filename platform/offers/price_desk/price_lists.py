"""A shop's price list as a file: what goes out, and what an import of it changes.

An import is one change like any other: all of it is checked against the guards, and all or nothing
is written. What is wrong with a row is said with its line, its column and a code.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.ids import new_id
from offers.price_desk.changes import Change
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.evaluation import Ground, ground_of
from offers.price_desk.files import uploaded
from offers.price_desk.goods import DeskSku, Touched, portions
from offers.price_desk.guarding import RestlessPrices, require_guards
from offers.price_desk.impact import Impact, asked, cheapest_cost_minor, price_impact
from offers.price_desk.levels import Buyer, level_for_buyer
from offers.price_desk.listings import ListingDraft, write_listings
from offers.price_desk.own_rules import DeskRule, OwnRules, read_own_rules, seat_of
from offers.price_desk.rule_rows import delete_rules, write_rules
from offers.price_desk.rules import MAX_RULES, TooManyRules
from offers.price_desk.sheets import FileFormat, read_records, write_records
from offers.price_desk.sheets.price_list import (
    COLUMNS,
    LineProblem,
    ListedRule,
    PriceLine,
    ShownLine,
    read_price_list,
    written_line,
)
from offers.price_desk.sheets.values import CellProblem
from offers.price_desk.writing import write_guarded
from tenants.directory import Shop
from tenants.pricing import Audience, RuleKind, Scope

MAX_PROBLEMS: Final = 100
_TURNS: Final = 3

_KNOWN_SKUS: Final = """
select s.id, s.code, (s.face_currency = $3) as has_face from skus s
where s.code = any ($1::text[]) and s.status = 'ACTIVE'
  and not exists (select from tenant_listings hidden
                  where hidden.sku_id = s.id and not hidden.visible
                    and hidden.tenant_id = any ($2::uuid[]))"""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import has read, and whether it was written: only without any problem."""

    rows: int
    listings: int
    rules: int
    problem_count: int
    problems: tuple[LineProblem, ...]
    written: bool
    impact: Impact | None = None
    """What it would do, of a dry run without problems."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the rows ask for, in terms of the shop's own."""

    rows: int
    listings: tuple[ListingDraft, ...]
    rules: dict[UUID, ListedRule | None]
    """By SKU; None takes the SKU's own rule away."""


async def export_price_list(shop: Shop, *, file_format: FileFormat, english: bool) -> bytes:
    """Write the price list of a shop: all that it could show, with its cost, rule and price.

    Raises `RestlessPrices` when the prices change each time they are read.
    """
    for _ in range(_TURNS):
        own = await read_own_rules(shop)
        lines = await _shown_lines(shop, own, english=english)
        if lines is not None:
            rows = [written_line(line, currency=shop.currency) for line in lines]
            return await asyncio.to_thread(write_records, COLUMNS, rows, file_format=file_format)
    raise RestlessPrices("The prices were changed meanwhile: try again.")


async def _shown_lines(shop: Shop, own: OwnRules, *, english: bool) -> list[ShownLine] | None:
    lines: list[ShownLine] = []
    async for portion in portions(shop, Touched.all(), with_own_hidden=True):
        base = await ground_of(shop, portion)
        if base is None or portion.versions[-2] != own.version:
            return None
        ground = base.with_own(level_for_buyer(base.own, own, Buyer()))
        lines += [_shown(ground, own, sku, english=english) for sku in portion.skus if sku.offers]
    return lines


def _shown(ground: Ground, own: OwnRules, sku: DeskSku, *, english: bool) -> ShownLine:
    sitting = own.by_seat.get(_seat(ground.shop, sku.id))
    names = (sku.row["name_en"], sku.row["name_zh"])
    return ShownLine(
        sku_code=sku.code,
        name=next(filter(None, names if english else reversed(names)), ""),
        cost_minor=cheapest_cost_minor(ground, sku),
        price_minor=asked(ground, sku).retail_minor,
        visible=sku.row["visible"],
        title=sku.row["title_override"] or "",
        rule=None if sitting is None else _listed(sitting),
    )


def _listed(one: DeskRule) -> ListedRule:
    rule = one.rule
    return ListedRule(rule.kind, rule.value, rule.rounding, rule.unit_minor)


def _seat(shop: Shop, sku_id: UUID) -> tuple[object, ...]:
    """Where a SKU's own rule sits: for everyone, from one piece on, without a window."""
    draft = RuleDraft(
        audience=Audience.RETAIL, scope=Scope.SKU, target_id=sku_id, kind=RuleKind.PASS_THROUGH
    )
    return seat_of(draft.as_rule(rule_id=sku_id, owner_id=shop.id))


async def import_price_list(shop: Shop, upload_id: UUID, *, dry_run: bool) -> ImportReport:
    """Read an uploaded price list, check it, and write it unless it is a dry run.

    Raises `NotFound` for an upload that is not the shop's, `FileRefused` for what is no price list,
    and what `require_guards` raises for a price that breaks a guard; then nothing is written.
    """
    file_format, content = await uploaded(shop, upload_id)
    # Other requests go on meanwhile.
    records = await asyncio.to_thread(read_records, content, file_format=file_format)
    lines, problems = read_price_list(records, currency=shop.currency)
    plan, more = await _plan(shop, lines)
    problems += more
    if problems or not plan.rows:
        return _report(plan, problems, written=False)
    if dry_run:
        before = await read_own_rules(shop)
        change = _change(shop, before, plan)
        await require_guards(shop, change, before)
        found = await price_impact(shop, change, before)
        return replace(_report(plan, [], written=False), impact=found)

    async def write(change: Change) -> None:
        await write_rules(shop, change.put)
        await delete_rules(shop, list(change.drop))
        if plan.listings:
            await write_listings(shop, plan.listings)
        await db.execute(
            "delete from price_files where tenant_id = $1 and id = $2", shop.id, upload_id
        )

    await write_guarded(shop, change_of=lambda before: _change(shop, before, plan), write=write)
    return _report(plan, [], written=True)


def _report(plan: _Plan, problems: Sequence[LineProblem], *, written: bool) -> ImportReport:
    ordered = sorted(problems, key=lambda problem: (problem.line, problem.column))
    return ImportReport(
        rows=plan.rows,
        listings=len(plan.listings),
        rules=len(plan.rules),
        problem_count=len(ordered),
        problems=tuple(ordered[:MAX_PROBLEMS]),
        written=written,
    )


async def _plan(shop: Shop, lines: Sequence[PriceLine]) -> tuple[_Plan, list[LineProblem]]:
    """Find the SKUs that reach the shop; any other code is unknown here."""
    rows: Sequence[Any] = await db.read(
        db.core_scope(shop.id, path=shop.path),
        _KNOWN_SKUS,
        [line.sku_code for line in lines],
        list(shop.path[:-1]),
        shop.currency,
    )
    known = {row["code"]: row for row in rows}
    problems = [
        LineProblem(line.line, column, code)
        for line in lines
        for column, code in _wrong(line, known.get(line.sku_code))
    ]
    found = [(known[line.sku_code]["id"], line) for line in lines if line.sku_code in known]
    listings = tuple(
        ListingDraft(sku_id=sku_id, visible=line.visible,
                     title=line.title if line.sets_title else None)
        for sku_id, line in found
        if (line.sets_title or line.visible is not None) and line.title.isprintable()
    )  # fmt: skip
    rules = {sku_id: line.rule for sku_id, line in found if line.sets_rule}
    return _Plan(len(lines), listings, rules), problems


def _wrong(line: PriceLine, known: Any) -> list[tuple[str, CellProblem]]:
    if known is None:
        return [("sku", CellProblem.UNKNOWN_SKU)]
    by_face = line.rule is not None and line.rule.kind is RuleKind.PERCENT_OF_FACE
    wrong = [("rule", CellProblem.NOT_ALLOWED)] if by_face and not known["has_face"] else []
    if not line.title.isprintable():
        wrong.append(("title", CellProblem.UNKNOWN_WORD))
    return wrong


def _change(shop: Shop, before: OwnRules, plan: _Plan) -> Change:
    """What the rows change: a rule that stands already as it is asked for is left alone."""
    put: list[DeskRule] = []
    drop: set[UUID] = set()
    for sku_id, listed in plan.rules.items():
        sitting = before.by_seat.get(_seat(shop, sku_id))
        if listed is None:
            drop |= {sitting.rule.id} if sitting is not None else set()
            continue
        draft = RuleDraft(
            audience=Audience.RETAIL,
            scope=Scope.SKU,
            target_id=sku_id,
            kind=listed.kind,
            value=listed.value,
            rounding=listed.rounding,
            unit_minor=listed.unit_minor,
        )
        rule_id = new_id() if sitting is None else sitting.rule.id
        wished = draft.as_rule(rule_id=rule_id, owner_id=shop.id)
        if wished != sitting:
            put.append(wished)
    if len(before.rules) + len(put) - len(drop) > MAX_RULES:
        raise TooManyRules(f"A shop has at most {MAX_RULES} price rules.", field="uploadId")
    return Change(put=tuple(put), drop=frozenset(drop), field="uploadId")
