"""What a shop promises its affiliates: the terms of a program, and rates for some goods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from affiliates.commission import Rate
from affiliates.models import ProgramStatus
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from kernel.money import MAX_AMOUNT_MINOR

LONGEST_NAME: Final = 80
MOST_RATES: Final = 100
MOST_PROGRAMS: Final = 20
MOST_BP: Final = 5_000
"""Of all tiers together."""
LONGEST_WINDOW_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class SpecialRate:
    """A rate for a SKU, for goods of a category, or for buyers of a membership tier."""

    rate: Rate
    sku_id: UUID | None = None
    category_id: UUID | None = None
    tier_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTerms:
    """What a program promises.

    `second_bp` and `third_bp` are for who has brought the affiliate, and who brought that one.
    `first_touch`: the first click counts and not the last. `approves_all`: whoever asks is admitted
    at once.
    """

    name: str
    rate: Rate
    second_bp: int = 0
    third_bp: int = 0
    window_days: int = 30
    first_touch: bool = False
    first_order_only: bool = False
    approves_all: bool = False
    ends_at: datetime | None = None
    status: ProgramStatus = ProgramStatus.ACTIVE
    rates: Sequence[SpecialRate] = field(default=())


@dataclass(frozen=True, slots=True)
class Program:
    """A program of a shop's, as it is now."""

    id: UUID
    terms: ProgramTerms
    affiliates: int
    """How many are active in it."""


async def save_program(*, tenant_id: UUID, program_id: UUID | None, terms: ProgramTerms) -> Program:
    """Begin a program, or put other terms in the old ones' stead; orders keep theirs.

    Raises `Invalid`, and `NotFound` for a program or goods that are not the shop's.
    """
    _require_sensible(terms)
    async with db.transaction(db.core_scope(tenant_id)):
        known_id = await _write(tenant_id, program_id, terms)
        await db.execute("delete from affiliate_rates where program_id = $1", known_id)
        try:
            await _write_rates(tenant_id, known_id, terms.rates)
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("There are no such goods.", field="rates") from None
        except asyncpg.UniqueViolationError:
            raise Invalid("A rate stands twice.", field="rates") from None
        (program,) = await _programs(known_id)
    return program


async def programs(tenant_id: UUID) -> list[Program]:
    """The shop's programs, the oldest first."""
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        return await _programs(None)


async def open_programs(tenant_id: UUID) -> list[Program]:
    """Those that somebody may join now."""
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        found = await _programs(None)
        now: datetime = await db.fetch_value("select platform_now()")
    return [
        one
        for one in found
        if one.terms.status is ProgramStatus.ACTIVE
        and (one.terms.ends_at is None or one.terms.ends_at > now)
    ]


_TERMS: Final = (
    "name rate_bp fixed_minor second_bp third_bp window_days first_touch first_order_only"
    " approves_all ends_at status"
).split()


async def _write(tenant_id: UUID, program_id: UUID | None, terms: ProgramTerms) -> UUID:
    values = [
        terms.name,
        terms.rate.bp,
        terms.rate.fixed_minor,
        terms.second_bp,
        terms.third_bp,
        terms.window_days,
        terms.first_touch,
        terms.first_order_only,
        terms.approves_all,
        terms.ends_at,
        str(terms.status),
    ]
    places = ", ".join(f"${place}" for place in range(3, len(values) + 3))
    if program_id is None:
        known_id = new_id()
        written = await db.execute(
            f"""insert into affiliate_programs (tenant_id, id, {", ".join(_TERMS)})
                select $1, $2, {places}
                where (select count(*) from affiliate_programs where tenant_id = $1)
                      < {MOST_PROGRAMS}""",
            tenant_id,
            known_id,
            *values,
        )
        if not written:
            raise Invalid(f"A shop has at most {MOST_PROGRAMS} programs.", field="programId")
        return known_id
    written = await db.execute(
        f"""update affiliate_programs set ({", ".join(_TERMS)}) = ({places})
            where tenant_id = $1 and id = $2""",
        tenant_id,
        program_id,
        *values,
    )
    if not written:
        raise NotFound("There is no such program.", field="programId")
    return program_id


async def _write_rates(tenant_id: UUID, program_id: UUID, rates: Sequence[SpecialRate]) -> None:
    await db.execute(
        """insert into affiliate_rates (tenant_id, id, program_id, sku_id, category_id, tier_id,
                                        rate_bp, fixed_minor)
           select $1, given.id, $2, sku_id, category_id, tier_id, rate_bp, fixed_minor
           from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::int[], $8::bigint[])
                as given (id, sku_id, category_id, tier_id, rate_bp, fixed_minor)""",
        tenant_id,
        program_id,
        [new_id() for _ in rates],
        [one.sku_id for one in rates],
        [one.category_id for one in rates],
        [one.tier_id for one in rates],
        [None if one.rate.fixed_minor is not None else one.rate.bp for one in rates],
        [one.rate.fixed_minor for one in rates],
    )


async def _programs(program_id: UUID | None) -> list[Program]:
    rows = await db.fetch(
        f"""select program.*,
                   (select count(*) from affiliates where program_id = program.id
                                                      and status = 'ACTIVE') as affiliates,
                   array(select row(rate.sku_id, rate.category_id, rate.tier_id, rate.rate_bp,
                                    rate.fixed_minor)
                         from affiliate_rates rate where rate.program_id = program.id
                         order by rate.sku_id, rate.category_id, rate.tier_id) as rates
            from affiliate_programs program
            where tenant_id = current_tenant_id() and ($1::uuid is null or id = $1)
            order by id limit {MOST_PROGRAMS}""",
        program_id,
    )
    return [Program(row["id"], _terms(row), row["affiliates"]) for row in rows]


def _terms(row: Mapping[str, Any]) -> ProgramTerms:
    return ProgramTerms(
        name=row["name"],
        rate=Rate(row["rate_bp"], row["fixed_minor"]),
        second_bp=row["second_bp"],
        third_bp=row["third_bp"],
        window_days=row["window_days"],
        first_touch=row["first_touch"],
        first_order_only=row["first_order_only"],
        approves_all=row["approves_all"],
        ends_at=row["ends_at"],
        status=ProgramStatus(row["status"]),
        rates=[
            SpecialRate(Rate(bp or 0, fixed_minor), sku_id, category_id, tier_id)
            for sku_id, category_id, tier_id, bp, fixed_minor in row["rates"]
        ],
    )


def _require_sensible(terms: ProgramTerms) -> None:
    if not (1 <= len(terms.name) <= LONGEST_NAME and terms.name.isprintable()):
        raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
    for rate in (terms.rate, *(one.rate for one in terms.rates)):
        _require_sensible_rate(rate)
    tiers = (terms.second_bp, terms.third_bp)
    if min(tiers) < 0 or terms.rate.bp + sum(tiers) > MOST_BP or (tiers[1] and not tiers[0]):
        raise Invalid(
            f"All tiers together earn 0 to {MOST_BP} basis points, the nearer ones first.",
            field="secondBp",
        )
    if not 1 <= terms.window_days <= LONGEST_WINDOW_DAYS:
        raise Invalid(f"A window is 1 to {LONGEST_WINDOW_DAYS} days.", field="windowDays")
    if len(terms.rates) > MOST_RATES:
        raise Invalid(f"At most {MOST_RATES} rates.", field="rates")
    for one in terms.rates:
        if sum(named is not None for named in (one.sku_id, one.category_id, one.tier_id)) != 1:
            raise Invalid("A rate is for a SKU, a category or a tier.", field="rates")


def _require_sensible_rate(rate: Rate) -> None:
    if rate.fixed_minor is not None:
        if rate.bp or not 1 <= rate.fixed_minor <= MAX_AMOUNT_MINOR:
            raise Invalid("A rate is a part of the price, or an amount a piece.", field="rate")
    elif not 0 <= rate.bp <= MOST_BP:
        raise Invalid(f"A rate is 0 to {MOST_BP} basis points.", field="rate")
