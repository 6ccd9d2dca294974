"""Programs, who joins them, and links: against the database."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from affiliates import joining, links, programs
from affiliates.attribution import Attribution, Brought, attribution, thanks_of
from affiliates.click_tokens import Touch, Touches, read_touches, write_touches
from affiliates.commission import Rate
from affiliates.deciding import Rule
from affiliates.joining import CodeTaken
from affiliates.models import AffiliateStatus, ProgramStatus
from affiliates.programs import Program, ProgramTerms, SpecialRate
from kernel import db
from kernel.clock import utc_now
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id
from kernel.settings import Settings
from world import World, build_world

pytestmark = pytest.mark.engines
TERMS = ProgramTerms(name="friends", rate=Rate(300))


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


async def begun(world: World, terms: ProgramTerms = TERMS) -> Program:
    return await programs.save_program(tenant_id=world.shop.id, program_id=None, terms=terms)


async def joined(world: World, program: Program, code: str, *, by: str | None = None) -> UUID:
    """An active affiliate."""
    customer = await world.customer()
    asked = await joining.join(
        tenant_id=world.shop.id,
        customer_id=customer.id,
        program_id=program.id,
        code=code,
        name=code,
        recruiter_code=by,
    )
    await joining.decide_membership(
        tenant_id=world.shop.id, affiliate_id=asked.id, status=AffiliateStatus.ACTIVE
    )
    return asked.id


async def thanked(
    world: World, brought: Brought, *, customer_id: UUID | None = None
) -> Attribution | None:
    scope = db.core_scope(world.shop.id, path=world.shop.path)
    sku_ids = [world.goods.sku_id]
    return thanks_of(
        await attribution(brought, customer_id=customer_id, sku_ids=sku_ids, scope=scope)
    )


async def test_a_program_is_begun_changed_and_shown_with_all_its_terms(world: World) -> None:
    sku, category = world.goods.sku_id, world.category_id
    terms = ProgramTerms(
        name="all",
        rate=Rate(300),
        second_bp=100,
        third_bp=50,
        window_days=7,
        first_touch=True,
        first_order_only=True,
        approves_all=True,
        ends_at=datetime(2100, 1, 1, tzinfo=UTC),
        rates=[SpecialRate(Rate(500), sku_id=sku), SpecialRate(Rate(0, 50), category_id=category)],
    )
    program = await begun(world, terms)
    assert program.terms == terms
    changed = await programs.save_program(
        tenant_id=world.shop.id, program_id=program.id, terms=TERMS
    )
    assert changed.terms == ProgramTerms(name="friends", rate=Rate(300), rates=[])
    assert [one.id for one in await programs.programs(world.shop.id)] == [program.id]
    with pytest.raises(NotFound):
        await programs.save_program(tenant_id=world.agent.id, program_id=program.id, terms=TERMS)
    assert await programs.programs(world.agent.id) == []


@pytest.mark.parametrize(
    "terms",
    [
        ProgramTerms(name="", rate=Rate(300)),
        ProgramTerms(name="a", rate=Rate(5_001)),
        ProgramTerms(name="a", rate=Rate(-1)),
        ProgramTerms(name="a", rate=Rate(0, 0)),
        ProgramTerms(name="a", rate=Rate(4_000), second_bp=1_001),
        ProgramTerms(name="a", rate=Rate(1), third_bp=1),
        ProgramTerms(name="a", rate=Rate(1), window_days=0),
        ProgramTerms(name="a", rate=Rate(1), rates=[SpecialRate(Rate(1))]),
    ],
)
async def test_senseless_terms_are_refused(world: World, terms: ProgramTerms) -> None:
    with pytest.raises(Invalid):
        await begun(world, terms)
    assert await world.owner.fetchval("select count(*) from affiliate_programs") == 0


async def test_the_most_specific_rate_wins(world: World) -> None:
    buyer, tier_id = await world.customer(), new_id()
    await world.owner.execute(
        "insert into membership_tiers (tenant_id, id, name, rank) values ($1, $2, 'gold', 1)",
        world.shop.id,
        tier_id,
    )
    await world.owner.execute("update customers set given_tier_id = $1", tier_id)
    special = [
        SpecialRate(Rate(100), tier_id=tier_id),
        SpecialRate(Rate(0, 70), category_id=world.category_id),
        SpecialRate(Rate(500), sku_id=world.goods.sku_id),
    ]
    program = await begun(world)
    await joined(world, program, "star")
    for rates, expected in (
        (special, Rate(500)),
        (special[:2], Rate(0, 70)),
        (special[:1], Rate(100)),
        ([], Rate(300)),
    ):
        await programs.save_program(
            tenant_id=world.shop.id,
            program_id=program.id,
            terms=ProgramTerms(name="friends", rate=Rate(300), rates=rates),
        )
        found = await thanked(world, Brought("star"), customer_id=buyer.id)
        assert found is not None
        assert found.rate_of(world.goods.sku_id) == expected
    await programs.save_program(
        tenant_id=world.shop.id,
        program_id=program.id,
        terms=ProgramTerms(name="friends", rate=Rate(300), rates=special[:1]),
    )
    guest = await thanked(world, Brought("star"))
    assert guest is not None and guest.rate_of(world.goods.sku_id) == Rate(300)


async def test_who_has_brought_an_affiliate_earns_as_far_as_the_program_says(world: World) -> None:
    program = await begun(
        world, ProgramTerms(name="tree", rate=Rate(300), second_bp=100, third_bp=50)
    )
    top = await joined(world, program, "top")
    middle = await joined(world, program, "middle", by="top")
    await joined(world, program, "low", by="MIDDLE")
    found = await thanked(world, Brought("low"))
    assert found is not None
    assert [(one.affiliate_id, one.rate_bp) for one in found.uplines] == [(middle, 100), (top, 50)]
    await joining.decide_membership(
        tenant_id=world.shop.id, affiliate_id=middle, status=AffiliateStatus.SUSPENDED
    )
    found = await thanked(world, Brought("low"))
    assert found is not None and found.uplines == ()


async def test_a_customer_asks_once_and_the_shop_decides(world: World) -> None:
    program, customer = await begun(world), await world.customer()
    shop_id = world.shop.id

    async def ask(code: str = "star") -> joining.Membership:
        return await joining.join(
            tenant_id=shop_id,
            customer_id=customer.id,
            program_id=program.id,
            code=code,
            name="me",
        )

    async def decide(status: AffiliateStatus) -> None:
        await joining.decide_membership(tenant_id=shop_id, affiliate_id=asked.id, status=status)

    asked = await ask()
    assert asked.status is AffiliateStatus.PENDING
    assert await thanked(world, Brought("star")) is None
    with pytest.raises(Forbidden):
        await joining.sign_in_as_affiliate(tenant_id=shop_id, customer_id=customer.id)
    for again in ("star", "moon"):
        with pytest.raises(Invalid):
            await ask(again)
    with pytest.raises(Invalid):
        await decide(AffiliateStatus.SUSPENDED)
    await decide(AffiliateStatus.REJECTED)
    asked = await ask("moon")
    assert (asked.status, asked.code) == (AffiliateStatus.PENDING, "moon")
    await decide(AffiliateStatus.ACTIVE)
    await decide(AffiliateStatus.ACTIVE)
    assert await thanked(world, Brought("moon")) is not None
    token = await joining.sign_in_as_affiliate(tenant_id=shop_id, customer_id=customer.id)
    assert token.token.startswith("kmf_")
    with pytest.raises(NotFound):
        await joining.decide_membership(
            tenant_id=world.agent.id, affiliate_id=asked.id, status=AffiliateStatus.ACTIVE
        )


async def test_a_code_is_one_affiliates_and_a_closed_program_takes_nobody(world: World) -> None:
    program = await begun(world, ProgramTerms(name="all", rate=Rate(1), approves_all=True))
    star = await joined(world, program, "star")
    link = await links.create_link(
        tenant_id=world.shop.id, affiliate_id=star, product_id=None, sub_id=""
    )
    customer = await world.customer()

    async def ask(code: str) -> None:
        await joining.join(
            tenant_id=world.shop.id,
            customer_id=customer.id,
            program_id=program.id,
            code=code,
            name="me",
        )

    for taken in ("STAR", link.code):
        with pytest.raises(CodeTaken):
            await ask(taken)
    for wrong in ("ab", "a b", "星星星", "x" * 33):
        with pytest.raises(Invalid):
            await ask(wrong)
    closed = ProgramTerms(name="all", rate=Rate(1), status=ProgramStatus.CLOSED)
    await programs.save_program(tenant_id=world.shop.id, program_id=program.id, terms=closed)
    with pytest.raises(NotFound):
        await ask("moon")
    assert await world.owner.fetchval("select count(*) from affiliates") == 1


async def test_a_link_leads_to_goods_of_the_shop_and_its_code_thanks_its_affiliate(
    world: World,
) -> None:
    star = await joined(world, await begun(world), "star")
    shop_id, product_id = world.shop.id, world.goods.product_id
    link = await links.create_link(
        tenant_id=shop_id, affiliate_id=star, product_id=product_id, sub_id="video-1"
    )
    assert (link.sub_id, link.slug) == ("video-1", world.goods.slug)
    target = await links.target_of(link.code, tenant_id=shop_id)
    assert target is not None
    assert (target.affiliate_id, target.link_id) == (star, link.id)
    assert target.path == f"/p/{world.goods.slug}"
    by_code = await links.target_of("star", tenant_id=shop_id)
    assert by_code is not None and (by_code.link_id, by_code.path) == (None, "/")
    for nobody in ("nobody", "../etc", "STAR", "x" * 40, ""):
        assert await links.target_of(nobody, tenant_id=shop_id) is None
    assert await links.target_of(link.code, tenant_id=world.agent.id) is None
    found = await thanked(world, Brought(link.code.upper()))
    assert found is not None and found.verdict.candidate.link_id == link.id
    for wrong in ("a b", "x" * 65, "<script>"):
        with pytest.raises(Invalid):
            await links.create_link(
                tenant_id=shop_id, affiliate_id=star, product_id=None, sub_id=wrong
            )
    with pytest.raises(NotFound):
        await links.create_link(
            tenant_id=shop_id, affiliate_id=star, product_id=new_id(), sub_id=""
        )


async def test_a_click_thanks_by_its_token_in_its_own_shop_only(world: World) -> None:
    star = await joined(world, await begun(world), "star")
    touch = Touch(new_id(), star, None, utc_now().replace(microsecond=0))
    token = write_touches(Touches(touch, touch), tenant_id=world.shop.id)
    assert read_touches(token, tenant_id=world.shop.id) == Touches(touch, touch)
    found = await thanked(world, Brought(None, token))
    assert found is not None
    assert (found.verdict.rule, found.affiliate_id) == (Rule.LAST_CLICK, star)
    assert found.verdict.candidate.click_id == touch.click_id
    theirs = write_touches(Touches(touch, touch), tenant_id=world.agent.id)
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bad in (theirs, forged, "", "x", "x" * 10_000, token.partition(".")[0]):
        assert await thanked(world, Brought(None, bad)) is None
    await world.shift_clock("31 days")
    assert await thanked(world, Brought(None, token)) is None
