"""An explanation adds up to the price, and shows a shop nothing of what stands above it."""

from contextlib import suppress
from random import Random

import pytest

from coupon_issuers import coupon_state, fund, issue, issue_for_subtree
from desk_rows import a_draft
from kernel.errors import Invalid, NotFound, RateLimited
from kernel.ids import new_id
from offers import shelf
from offers.price_desk import rules
from offers.price_desk.explain import Viewpoint, explain_price
from offers.price_desk.price_steps import BoundKind, PriceExplanation, StepKind
from offers.quotes import Wish
from promotions.coupon_refusals import CouponNotApplicable
from promotions.discounts import Payer, PayerKind
from promotions.guesses import GUESSES
from sales import SalesDesk
from tenants.pricing import Audience, ForKind, Rounding, RuleKind
from world import ShopAt

T0_PAYS, T1_PAYS, T2_PAYS, T2_ASKS = 8_000, 8_500, 9_000, 11_000


async def _explained(
    desk: SalesDesk,
    *,
    at: ShopAt | None = None,
    view: Viewpoint | None = None,
    quantity: int = 1,
    whole_chain: bool = False,
    ip: str | None = None,
) -> PriceExplanation:
    return await explain_price(
        await desk.shop(at),
        sku_id=desk.world.goods.sku_id,
        quantity=quantity,
        view=view or Viewpoint(),
        whole_chain=whole_chain,
        ip=ip,
    )


def _sum(explained: PriceExplanation) -> int:
    return sum(step.delta_minor for step in explained.steps)


async def test_a_shop_sees_its_cost_as_one_step_and_its_rule_as_the_next(desk: SalesDesk) -> None:
    explained = await _explained(desk)
    assert [(step.kind, step.delta_minor) for step in explained.steps] == [
        (StepKind.PURCHASE_PRICE, T2_PAYS),
        (StepKind.RULE, T2_ASKS - T2_PAYS),
    ]
    assert (explained.price_minor, explained.broken) == (T2_ASKS, None)
    assert all(bound.holds for bound in explained.bounds)


async def test_a_third_decimal_that_no_channel_charges_is_a_step_of_rounding(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 2_003)
    for table in ("tenants", "supplier_listings"):
        await desk.owner.execute(f"update {table} set currency = 'KWD'")

    explained = await _explained(desk)

    kinds = [(step.kind, step.delta_minor) for step in explained.steps[1:]]
    assert kinds == [(StepKind.RULE, 2_003), (StepKind.ROUNDING, 7)]
    assert _sum(explained) == explained.price_minor == T2_PAYS + 2_010
    (line,) = (await desk.quote(await desk.shop(), [Wish(desk.world.goods.sku_id, 1)])).lines
    assert line.offer.unit_price_minor == explained.price_minor


async def test_an_operator_sees_every_level_of_the_chain(desk: SalesDesk) -> None:
    explained = await _explained(desk, whole_chain=True)
    assert [(step.kind, step.after_minor, step.depth) for step in explained.steps] == [
        (StepKind.SUPPLY_PRICE, T0_PAYS, 0),
        (StepKind.RULE, T1_PAYS, 0),
        (StepKind.RULE, T2_PAYS, 1),
        (StepKind.RULE, T2_ASKS, 2),
    ]
    assert _sum(explained) == explained.price_minor == T2_ASKS


async def test_a_parent_sees_what_its_child_pays_and_why(desk: SalesDesk) -> None:
    world = desk.world
    agent = await desk.shop(world.agent)
    secret = a_draft(
        Audience.WHOLESALE,
        RuleKind.PERCENT_OVER_COST,
        333,
        sku_id=world.goods.sku_id,
        for_kind=ForKind.CHILD,
        for_id=world.shop.id,
        rounding=Rounding.ENDING_9,
        unit_minor=10,
    )
    await rules.upsert_rule(agent, secret)
    explained = await _explained(desk, at=world.agent, view=Viewpoint(child_slug="shop"))
    assert [(step.kind, step.delta_minor) for step in explained.steps] == [
        (StepKind.PURCHASE_PRICE, T1_PAYS),
        (StepKind.RULE, 283),
        (StepKind.ROUNDING, 7),
    ]
    rule = explained.steps[1].rule
    assert rule is not None
    assert (rule.for_kind, rule.value) == (ForKind.CHILD, 333)
    assert [bound.kind for bound in explained.bounds] == [BoundKind.LEAST_MARGIN]


async def test_a_shop_without_a_rule_goes_by_its_parents_suggestion(desk: SalesDesk) -> None:
    await desk.owner.execute("delete from price_rules where tenant_id = $1", desk.world.shop.id)
    explained = await _explained(desk)
    assert explained.steps[-1].kind is StepKind.SUGGESTED
    assert explained.steps[-1].rule is None
    assert explained.price_minor == T1_PAYS + 2_000


async def test_a_price_that_is_hidden_says_which_limit_does_not_hold(desk: SalesDesk) -> None:
    world = desk.world
    await desk.owner.execute(
        "insert into price_limits (tenant_id, sku_id, ceiling_minor) values ($1, $2, 10000)",
        world.root.id,
        world.goods.sku_id,
    )
    explained = await _explained(desk)
    assert explained.broken == "G2"
    assert [bound.kind for bound in explained.bounds if not bound.holds] == [BoundKind.CEILING]
    assert await shelf.skus_by_id(
        await desk.shop(), [(world.goods.sku_id, 1)], stock_bound=1
    ) == {}  # fmt: skip


async def test_what_is_broken_above_has_no_steps_and_no_reason(desk: SalesDesk) -> None:
    await desk.world.rule(desk.world.agent, "WHOLESALE", "FIXED_OVER_COST", 0)
    await desk.owner.execute(
        "update tenants set min_margin_minor = 400 where id = $1", desk.world.agent.id
    )
    explained = await _explained(desk)
    assert (explained.steps, explained.bounds) == ((), ())
    assert (explained.price_minor, explained.broken) == (None, None)


async def test_only_the_shops_own_are_explained(desk: SalesDesk) -> None:
    strangers = await desk.world.customer(desk.world.agent)
    for view in (
        Viewpoint(child_slug="agent"),
        Viewpoint(child_slug="shop"),
        Viewpoint(tier_id=new_id()),
        Viewpoint(customer_id=strangers.id),
    ):
        with pytest.raises(NotFound):
            await _explained(desk, view=view)
    with pytest.raises(Invalid):
        await _explained(desk, quantity=0)
    with pytest.raises(NotFound):
        await explain_price(
            await desk.shop(), sku_id=new_id(), quantity=1, view=Viewpoint(), whole_chain=False
        )


async def test_coupons_come_off_the_line_and_each_payer_is_named_to_whom_it_concerns(
    desk: SalesDesk,
) -> None:
    """5.00 of the shop's own, shared with the platform, and 3.00 that only the agent pays."""
    world = desk.world
    await world.keys(2)
    shop, agent = await desk.shop(), await desk.shop(world.agent)
    shared = (Payer(PayerKind.PLATFORM, None, 6_000), Payer(PayerKind.SHOP, None, 4_000))
    await issue(shop, "SHARED", payers=shared)
    await issue_for_subtree(agent, "AGENTS", value=300)
    await fund(world.root.id, None, 10_000)
    await fund(agent.id, agent.id, 10_000)
    view = Viewpoint(coupon_codes=("shared", "agents"))

    def told(explained: PriceExplanation) -> set[tuple[str | None, str | None, int]]:
        assert explained.paid_minor is not None
        assert explained.price_minor is not None
        off = sum(step.delta_minor for step in explained.adjustments)
        assert explained.paid_minor == explained.price_minor * explained.quantity + off
        return {(one.coupon_code, one.funder, one.delta_minor) for one in explained.adjustments}

    own = await _explained(desk, view=view, quantity=2)
    of_the_shop = {("SHARED", "PLATFORM", -300), ("SHARED", "SHOP", -200)}
    assert told(own) == {*of_the_shop, ("AGENTS", "OTHERS", -300)}
    assert {one.depth for one in own.adjustments} == {2}, "and nothing says who has issued it"
    quote = await desk.quote(shop, [Wish(world.goods.sku_id, 2)], coupon_codes=("shared", "agents"))
    assert (own.price_minor, own.paid_minor) == (T2_ASKS, quote.total_minor)
    whole = await _explained(desk, view=view, quantity=2, whole_chain=True)
    assert told(whole) == {*of_the_shop, ("AGENTS", "TENANT", -300)}
    assert (await coupon_state(desk.owner))["live"] == 0, "nothing is used up"
    with pytest.raises(CouponNotApplicable):
        await _explained(desk, view=Viewpoint(coupon_codes=("NOBODYS",)))
    with pytest.raises(RateLimited):
        for number in range(GUESSES + 1):
            guess = Viewpoint(coupon_codes=(f"GUESS-{number}",))
            with suppress(CouponNotApplicable):
                await _explained(desk, view=guess, ip="192.0.2.1")
    with pytest.raises(Invalid):
        Viewpoint(child_slug="shop", coupon_codes=("SHARED",))


@pytest.mark.parametrize("seed", range(12))
async def test_deltas_add_up_to_the_price_and_tell_no_cost_of_others(
    desk: SalesDesk, seed: int
) -> None:
    """Random rules down a path of five; every amount that no shop may know is a canary."""
    random, world = Random(seed), desk.world
    chain = [world.root, world.agent, world.shop]
    for depth in (3, 4):
        chain.append(await world.another_shop(f"deep-{depth}", below=chain[-1]))
    for shop in chain:
        for audience in ("WHOLESALE", "RETAIL"):
            kind = random.choice(["PERCENT_OVER_COST", "FIXED_OVER_COST"])
            value = random.randrange(400, 1_500)
            await world.rule(shop, audience, kind, value)
    costs = []
    whole = await _explained(desk, at=chain[-1], whole_chain=True)
    assert _sum(whole) == whole.price_minor
    for step in whole.steps:
        costs.append((step.depth, step.after_minor, step.delta_minor))
    for depth, at in enumerate(chain):
        explained = await _explained(desk, at=at)
        found = await shelf.skus_by_id(
            await desk.shop(at), [(world.goods.sku_id, 1)], stock_bound=1
        )
        shown = [sku.display_offer.unit_price_minor for sku in found.values()]
        assert explained.broken is not None or shown == [explained.price_minor]
        assert explained.price_minor is None or _sum(explained) == explained.price_minor
        above = {after for level, after, _ in costs if level < depth - 1}
        above |= {delta for level, _, delta in costs if level < depth}
        told = {step.after_minor for step in explained.steps}
        told |= {step.delta_minor for step in explained.steps}
        told |= {bound.limit_minor for bound in explained.bounds if bound.limit_minor}
        assert not told & above
