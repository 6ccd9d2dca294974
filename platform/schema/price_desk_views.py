"""What the use cases of the price desk answer, as the API shows it."""

import strawberry

from kernel.ids import public_id
from offers.price_desk import alerts, grades, impact, price_steps, promotions, rule_rows
from schema.connections import PageInfo
from schema.money import MinorUnits, Money, amount
from schema.price_desk_inputs import (
    PriceAudience,
    PriceRounding,
    PriceRuleFor,
    PriceRuleKind,
    PriceScope,
)
from schema.price_desk_types import (
    AgentGrade,
    AppliedRule,
    PriceAlert,
    PriceAlertConnection,
    PriceBound,
    PriceExplanation,
    PriceImpact,
    PriceMove,
    PriceRule,
    PriceRuleConnection,
    PriceStep,
    Promotion,
    ShopPriceImpact,
)
from tenants.pricing import PriceRule as EngineRule

_ID_KINDS = {"GRADE": "grd", "TIER": "tir", "CUSTOMER": "cus", "PROMOTION": "prm"}


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


def explanation_type(explained: price_steps.PriceExplanation, currency: str) -> PriceExplanation:
    """Show an explanation."""
    return PriceExplanation(
        sku_id=strawberry.ID(public_id("sku", explained.sku_id)),
        sku_code=explained.sku_code,
        quantity=explained.quantity,
        price=_money(explained.price_minor, currency),
        paid=_money(explained.paid_minor, currency),
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


def _step_type(step: price_steps.PriceStep, currency: str) -> PriceStep:
    return PriceStep(
        kind=step.kind.value,
        depth=step.depth,
        delta=amount(step.delta_minor, currency),
        after=amount(step.after_minor, currency),
        rule=None if step.rule is None else _applied(step.rule),
        funder=step.funder,
        coupon_code=step.coupon_code,
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
