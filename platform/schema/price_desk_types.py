"""What the price desk shows: rules, grades, promotions, explanations, dry runs, alerts.

Everything here is the shop's own and its direct children's (domain 2, "Who may see what").
"""

from datetime import datetime

import strawberry

from kernel.ids import public_id
from offers.price_desk import alerts, explain, grades, impact, promotions, rule_rows
from offers.price_desk.price_lists import ImportReport
from offers.price_desk.sheets.price_list import LineProblem
from schema.connections import PageInfo
from schema.money import MinorUnits, Money, amount
from schema.price_desk_inputs import (
    PriceAudience,
    PriceRounding,
    PriceRuleFor,
    PriceRuleKind,
    PriceScope,
)
from tenants.pricing import PriceRule as EngineRule

_ID_KINDS = {"GRADE": "grd", "TIER": "tir", "CUSTOMER": "cus", "PROMOTION": "prm"}


@strawberry.type(description="One of the shop's own price rules.")
class PriceRule:
    """`value` in basis points for the PERCENT kinds, else in minor units."""

    id: strawberry.ID
    audience: PriceAudience
    for_kind: PriceRuleFor
    for_id: strawberry.ID | None
    child: str | None
    scope: PriceScope
    sku_code: str | None
    category_slug: str | None
    kind: PriceRuleKind
    value: MinorUnits
    rounding: PriceRounding
    unit_minor: int
    min_quantity: int
    starts_at: datetime | None
    ends_at: datetime | None


@strawberry.type
class PriceRuleConnection:
    """A page of rules, the oldest first."""

    nodes: list[PriceRule] = strawberry.field(metadata={"assumed_size": 20})
    page_info: PageInfo


@strawberry.type(description="A grade of the shop's direct children; rank 1 is the lowest.")
class AgentGrade:
    """One grade."""

    id: strawberry.ID
    name: str
    rank: int
    open_fee: Money


@strawberry.type(description="Other prices for a set of SKUs, for a time.")
class Promotion:
    """`skus` is how many they are."""

    id: strawberry.ID
    name: str
    starts_at: datetime
    ends_at: datetime | None
    paused: bool
    skus: int


@strawberry.type(description="The arithmetic of a rule that made a price.")
class AppliedRule:
    """The rule of one step; `value` as in a price rule."""

    for_kind: PriceRuleFor
    scope: PriceScope
    kind: PriceRuleKind
    value: MinorUnits
    rounding: PriceRounding
    unit_minor: int
    min_quantity: int


@strawberry.type(description="A part of a price: `delta` is added, `after` is the sum up to here.")
class PriceStep:
    """`depth` is whose doing it is, the platform's being 0; `funder` who pays for a discount."""

    kind: str
    depth: int
    delta: Money
    after: Money
    rule: AppliedRule | None
    funder: str | None


@strawberry.type(description="A limit that a price must keep; `limit` where the reader may know.")
class PriceBound:
    """`guard` is the name under which a refusal or an alert speaks of it."""

    kind: str
    guard: str
    limit: Money | None
    holds: bool


@strawberry.type(description="Why a price is what it is, for one piece of a line of `quantity`.")
class PriceExplanation:
    """The deltas of all steps and adjustments add up to `price`. `brokenGuard` keeps it hidden."""

    sku_id: strawberry.ID
    sku_code: str
    quantity: int
    price: Money | None
    broken_guard: str | None
    steps: list[PriceStep] = strawberry.field(metadata={"assumed_size": 10})
    adjustments: list[PriceStep] = strawberry.field(metadata={"assumed_size": 2})
    bounds: list[PriceBound] = strawberry.field(metadata={"assumed_size": 7})


@strawberry.type(description="An amount that would change; null is a price that is hidden.")
class PriceMove:
    """`what` is RETAIL in the own shop, COST of a direct child."""

    shop: str
    sku_code: str
    what: str
    before: Money | None
    after: Money | None


@strawberry.type(description="What would become of one shop's prices, in numbers of SKUs.")
class ShopPriceImpact:
    """`guards` are those that would hide something there. Of more than 100 shops the rest stand
    together under an empty `shop`."""

    shop: str
    changed: int
    newly_hidden: int
    shown_again: int
    guards: list[str] = strawberry.field(metadata={"assumed_size": 3})


@strawberry.type(description="A dry run. Where it is not complete, ask on after `endCursor`.")
class PriceImpact:
    """`prices` were compared in this answer; moves and shops are its own, and at most 100 each."""

    prices: int
    changed: int
    newly_hidden: int
    complete: bool
    end_cursor: str | None
    moves: list[PriceMove] = strawberry.field(metadata={"assumed_size": 100})
    shops: list[ShopPriceImpact] = strawberry.field(metadata={"assumed_size": 100})


@strawberry.type(description="A price of the shop's own making that a guard keeps hidden.")
class PriceAlert:
    """`child` is the direct child that is charged it; null for the shop's own retail price."""

    id: strawberry.ID
    guard: str
    sku_id: strawberry.ID
    sku_code: str
    child: str | None
    opened_at: datetime
    closed_at: datetime | None


@strawberry.type
class PriceAlertConnection:
    """A page of alerts, the oldest first."""

    nodes: list[PriceAlert] = strawberry.field(metadata={"assumed_size": 20})
    page_info: PageInfo


@strawberry.type(description="A signed address for one file, good until `expiresAt`.")
class PriceListAddress:
    """`uploadId` names the file to `priceListImport`."""

    url: str
    upload_id: strawberry.ID
    expires_at: datetime


@strawberry.type(description="What is wrong in one cell of a price list.")
class PriceListProblem:
    """`line` as a spreadsheet numbers it."""

    line: int
    column: str
    code: str


@strawberry.type(
    description="What an import has read. Nothing is written while there are problems."
)
class PriceListReport:
    """`problems` are at most 100 of `problemCount`."""

    rows: int
    listings: int
    rules: int
    problem_count: int
    written: bool
    problems: list[PriceListProblem] = strawberry.field(metadata={"assumed_size": 100})


def _page_info(*, has_next: bool, end_cursor: str | None) -> PageInfo:
    return PageInfo(has_next_page=has_next, end_cursor=end_cursor)


def _money(amount_minor: int | None, currency: str) -> Money | None:
    return None if amount_minor is None else amount(amount_minor, currency)


def rule_type(view: rule_rows.RuleView) -> PriceRule:
    """Show a rule."""
    kind = _ID_KINDS.get(view.for_kind)
    for_id = public_id(kind, view.for_id) if kind and view.for_id else None
    return PriceRule(
        id=strawberry.ID(public_id("rul", view.id)),
        audience=PriceAudience(view.audience),
        for_kind=PriceRuleFor(view.for_kind),
        for_id=None if for_id is None else strawberry.ID(for_id),
        child=view.child_slug,
        scope=PriceScope(view.scope),
        sku_code=view.sku_code,
        category_slug=view.category_slug,
        kind=PriceRuleKind(view.kind),
        value=MinorUnits(view.value),
        rounding=PriceRounding(view.rounding),
        unit_minor=view.unit_minor,
        min_quantity=view.min_quantity,
        starts_at=view.starts_at,
        ends_at=view.ends_at,
    )


def rule_connection(page: rule_rows.RulePage) -> PriceRuleConnection:
    """Show a page of rules."""
    info = _page_info(has_next=page.has_next, end_cursor=page.end_cursor)
    return PriceRuleConnection(nodes=[rule_type(view) for view in page.rules], page_info=info)


def grade_type(grade: grades.Grade, currency: str) -> AgentGrade:
    """Show a grade."""
    return AgentGrade(
        id=strawberry.ID(public_id("grd", grade.id)),
        name=grade.name,
        rank=grade.rank,
        open_fee=amount(grade.open_fee_minor, currency),
    )


def promotion_type(view: promotions.PromotionView) -> Promotion:
    """Show a promotion."""
    return Promotion(
        id=strawberry.ID(public_id("prm", view.id)),
        name=view.name,
        starts_at=view.starts_at,
        ends_at=view.ends_at,
        paused=view.status == "PAUSED",
        skus=view.skus,
    )


def explanation_type(explained: explain.PriceExplanation, currency: str) -> PriceExplanation:
    """Show an explanation."""
    return PriceExplanation(
        sku_id=strawberry.ID(public_id("sku", explained.sku_id)),
        sku_code=explained.sku_code,
        quantity=explained.quantity,
        price=_money(explained.price_minor, currency),
        broken_guard=None if explained.broken is None else explained.broken.value,
        steps=[_step_type(step, currency) for step in explained.steps],
        adjustments=[_step_type(step, currency) for step in explained.adjustments],
        bounds=[
            PriceBound(
                kind=bound.kind.value,
                guard=bound.guard.value,
                limit=_money(bound.limit_minor, currency),
                holds=bound.holds,
            )
            for bound in explained.bounds
        ],
    )


def _step_type(step: explain.PriceStep, currency: str) -> PriceStep:
    return PriceStep(
        kind=step.kind.value,
        depth=step.depth,
        delta=amount(step.delta_minor, currency),
        after=amount(step.after_minor, currency),
        rule=None if step.rule is None else _applied(step.rule),
        funder=step.funder,
    )


def _applied(rule: EngineRule) -> AppliedRule:
    return AppliedRule(
        for_kind=PriceRuleFor(rule.for_kind.value),
        scope=PriceScope(rule.scope.value),
        kind=PriceRuleKind(rule.kind.value),
        value=MinorUnits(rule.value),
        rounding=PriceRounding(rule.rounding.value),
        unit_minor=rule.unit_minor,
        min_quantity=rule.min_quantity,
    )


def impact_type(found: impact.Impact, currency: str) -> PriceImpact:
    """Show a dry run."""
    return PriceImpact(
        prices=found.prices,
        changed=found.changed,
        newly_hidden=found.newly_hidden,
        complete=found.complete,
        end_cursor=found.end_cursor,
        moves=[
            PriceMove(
                shop=move.shop_slug,
                sku_code=move.sku_code,
                what=move.what,
                before=_money(move.before_minor, currency),
                after=_money(move.after_minor, currency),
            )
            for move in found.moves
        ],
        shops=[
            ShopPriceImpact(
                shop=shop.shop_slug,
                changed=shop.changed,
                newly_hidden=shop.newly_hidden,
                shown_again=shop.shown_again,
                guards=sorted(shop.guards),
            )
            for shop in found.shops.values()
        ],
    )


def alert_type(view: alerts.AlertView) -> PriceAlert:
    """Show an alert."""
    return PriceAlert(
        id=strawberry.ID(public_id("alr", view.id)),
        guard=view.guard,
        sku_id=strawberry.ID(public_id("sku", view.sku_id)),
        sku_code=view.sku_code,
        child=view.child_slug,
        opened_at=view.opened_at,
        closed_at=view.closed_at,
    )


def alert_connection(page: alerts.AlertPage) -> PriceAlertConnection:
    """Show a page of alerts."""
    info = _page_info(has_next=page.has_next, end_cursor=page.end_cursor)
    return PriceAlertConnection(nodes=[alert_type(view) for view in page.alerts], page_info=info)


def report_type(report: ImportReport) -> PriceListReport:
    """Show what an import has read."""
    return PriceListReport(
        rows=report.rows,
        listings=report.listings,
        rules=report.rules,
        problem_count=report.problem_count,
        written=report.written,
        problems=[_problem_type(problem) for problem in report.problems],
    )


def _problem_type(problem: LineProblem) -> PriceListProblem:
    return PriceListProblem(line=problem.line, column=problem.column, code=problem.code)
