"""Who becomes an affiliate: a customer asks, the shop decides."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from affiliates.models import AffiliateStatus
from identity.tokens import WrittenToken, write_affiliates_token
from kernel import cursors, db
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id

LONGEST_NAME: Final = 80
TOKEN_SECONDS: Final = 24 * 3600
_CODE: Final = re.compile(r"[a-z0-9]{3,32}")
_ABOUT: Final = "affiliates"


class CodeTaken(Invalid):
    """Somebody else in this shop has the code, or a link does."""


@dataclass(frozen=True, slots=True)
class Membership:
    """An affiliate as its shop sees it."""

    id: UUID
    program_id: UUID
    customer_id: UUID | None
    name: str
    code: str
    status: AffiliateStatus
    recruiter_id: UUID | None
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class MembershipPage:
    """Some of a shop's affiliates, the newest first, each with its cursor."""

    rows: tuple[Membership, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def join(
    *,
    tenant_id: UUID,
    customer_id: UUID,
    program_id: UUID,
    code: str,
    name: str,
    recruiter_code: str | None = None,
) -> Membership:
    """Ask to become an affiliate of a program that is open; some admit at once.

    An unknown `recruiter_code` is ignored, as an unknown code is at a sale. Who was rejected may
    ask again; who is one already is refused. Raises `Invalid`, `CodeTaken`, `NotFound`.
    """
    spelt = code.strip().lower()
    if _CODE.fullmatch(spelt) is None:
        raise Invalid("A code has 3 to 32 letters a to z and digits.", field="code")
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
    recruiter = (recruiter_code or "").strip().lower()
    async with db.transaction(db.core_scope(tenant_id)):
        try:
            rows = await db.fetch(
                _JOIN,
                tenant_id,
                new_id(),
                customer_id,
                program_id,
                spelt,
                name,
                recruiter if _CODE.fullmatch(recruiter) else None,
            )
        except asyncpg.UniqueViolationError as taken:
            if taken.constraint_name == "affiliates_of_customer":
                raise _already() from None
            raise CodeTaken("This code is taken.", field="code") from None
        if not rows:
            await _explain(program_id, spelt)
    return _membership(rows[0])


_COLUMNS: Final = "id, program_id, customer_id, name, code, status, recruiter_id, joined_at"
_JOIN: Final = f"""
insert into affiliates (tenant_id, id, customer_id, program_id, code, name, status, recruiter_id)
select $1, $2, $3, program.id, $5, $6, case when program.approves_all then 'ACTIVE' else 'PENDING'
       end,
       (select id from affiliates where tenant_id = $1 and code = $7 and status = 'ACTIVE'
                                    and customer_id is distinct from $3)
from affiliate_programs program
where program.tenant_id = $1 and program.id = $4 and program.status = 'ACTIVE'
  and coalesce(program.ends_at > platform_now(), true)
  and not exists (select from affiliate_links where tenant_id = $1 and code = $5)
on conflict (tenant_id, customer_id) where customer_id is not null do update
set program_id = excluded.program_id, code = excluded.code, name = excluded.name,
    status = excluded.status, joined_at = platform_now()
where affiliates.status = 'REJECTED'
returning {_COLUMNS}
"""


async def _explain(program_id: UUID, code: str) -> None:
    """Say why nobody has joined."""
    if await db.fetch("select from affiliate_links where code = $1", code):
        raise CodeTaken("This code is taken.", field="code")
    open_programs = await db.fetch(
        """select from affiliate_programs where id = $1 and tenant_id = current_tenant_id()
               and status = 'ACTIVE' and coalesce(ends_at > platform_now(), true)""",
        program_id,
    )
    if not open_programs:
        raise NotFound("There is no such program.", field="programId")
    raise _already()


def _already() -> Invalid:
    return Invalid("You are an affiliate of this shop already.")


_MAY_BECOME: Final[Mapping[AffiliateStatus, Sequence[AffiliateStatus]]] = {
    AffiliateStatus.ACTIVE: (AffiliateStatus.PENDING, AffiliateStatus.SUSPENDED),
    AffiliateStatus.REJECTED: (AffiliateStatus.PENDING,),
    AffiliateStatus.SUSPENDED: (AffiliateStatus.ACTIVE,),
}


async def decide_membership(
    *, tenant_id: UUID, affiliate_id: UUID, status: AffiliateStatus
) -> Membership:
    """Admit or reject who has asked, suspend who is active, or let that one go on.

    Saying it again changes nothing. Raises `NotFound`, and `Invalid` for a step that there is not.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        rows = await db.fetch(
            f"""update affiliates set status = $2
                where id = $1 and tenant_id = current_tenant_id() and status = any ($3::text[])
                returning {_COLUMNS}""",
            affiliate_id,
            str(status),
            [str(one) for one in (*_MAY_BECOME.get(status, ()), status)],
        )
        if not rows and not await db.fetch(
            "select from affiliates where id = $1 and tenant_id = current_tenant_id()",
            affiliate_id,
        ):
            raise NotFound("There is no such affiliate.", field="affiliateId")
    if not rows:
        raise Invalid("This affiliate cannot become that.", field="decision")
    return _membership(rows[0])


async def sign_in_as_affiliate(*, tenant_id: UUID, customer_id: UUID) -> WrittenToken:
    """Give a customer who is an active affiliate the token of an affiliate, good for a day.

    Raises `Forbidden` for whoever is none.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        row = await db.fetch_row(
            """select id from affiliates where customer_id = $1 and status = 'ACTIVE'
                   and tenant_id = current_tenant_id() for share""",
            customer_id,
        )
        if row is None:
            raise Forbidden("You are no affiliate of this shop.")
        return await write_affiliates_token(
            tenant_id=tenant_id, affiliate_id=row["id"], ttl_seconds=TOKEN_SECONDS
        )


async def memberships(*, tenant_id: UUID, first: int | None, after: str | None) -> MembershipPage:
    """A page of a shop's affiliates. Raises `Invalid` for a page size or a cursor that is none."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=tenant_id, about=_ABOUT)
    rows = await db.read(
        db.core_scope(tenant_id),
        f"""select {_COLUMNS} from affiliates
            where tenant_id = current_tenant_id()
              and ($1::timestamptz is null or (joined_at, id) < ($1, $2::uuid))
            order by joined_at desc, id desc limit $3""",
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
    )
    shown = tuple(_membership(row) for row in rows[:size])
    marks = tuple(
        cursors.write([one.joined_at.isoformat(), str(one.id)], tenant_id=tenant_id, about=_ABOUT)
        for one in shown
    )
    return MembershipPage(shown, marks, len(rows) > size)


def _membership(row: Mapping[str, Any]) -> Membership:
    return Membership(**{**row, "status": AffiliateStatus(row["status"])})
