"""What cases hold of a deposit: each hold is a row, and moves its money once there and once back.

Inside the caller's transaction, in the scope of the deposit's party.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from billing import ledger
from billing.deposits.parties import DepositParty
from billing.postings import deposits as postings
from kernel import cursors, db
from kernel.errors import Invalid, NotFound, Refusal

HoldState = Literal["HELD", "RELEASED", "DEDUCTED"]
_ABOUT: Final = "deposit holds"
_COLUMNS: Final = """id, tenant_id, party_kind, party_id, case_id, currency, amount_minor, state,
           deducted_minor, reason, ended_reason, held_at, ended_at"""


class DepositTooLow(Refusal):
    """There is not so much of the deposit that no case holds; nothing has moved."""

    code = "DEPOSIT_TOO_LOW"


@dataclass(frozen=True, slots=True)
class DepositHold:
    """A part of a deposit that is held for a case, or was; amounts in minor units."""

    id: UUID
    tenant_id: UUID
    party_kind: str
    party_id: UUID
    case_id: UUID
    currency: str
    amount_minor: int
    state: HoldState
    deducted_minor: int
    reason: str
    ended_reason: str | None
    held_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldPage:
    """A page of holds, the newest first."""

    rows: tuple[DepositHold, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def hold(
    party: DepositParty, *, hold_id: UUID, case_id: UUID, amount_minor: int, reason: str, actor: str
) -> DepositHold:
    """Hold so much of a deposit for a case. Raises `DepositTooLow`, and `Invalid` for a case that
    holds some of it already."""
    (free_minor,) = await ledger.lock_balances([party.free])
    if free_minor < amount_minor:
        raise too_low(free_minor)
    row = await db.fetch_row(
        f"""insert into deposit_holds (tenant_id, id, party_kind, party_id, case_id, currency,
                                       amount_minor, reason, held_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            on conflict (party_id, case_id) do nothing returning {_COLUMNS}""",
        party.tenant_id,
        hold_id,
        party.kind,
        party.id,
        case_id,
        party.currency,
        amount_minor,
        reason,
        actor,
    )
    if row is None:
        raise Invalid("This case holds a part of the deposit already.", field="caseId")
    await ledger.post(
        postings.held(party.id, party.currency, amount_minor=amount_minor),
        kind="E11_HOLD",
        idempotency_key=f"deposit-hold:{hold_id}",
        tenant_id=party.tenant_id,
    )
    return _hold(row)


async def end(
    party: DepositParty, hold_id: UUID, *, deducted_minor: int, reason: str, actor: str
) -> DepositHold:
    """End a hold once: so much of it is a penalty, and the rest is free again.

    Raises `NotFound`, `Invalid` for one that has ended, or for more than it holds.
    """
    row = await db.fetch_row(
        f"""update deposit_holds
            set state = case when $4::bigint > 0 then 'DEDUCTED' else 'RELEASED' end,
                deducted_minor = $4::bigint, ended_by = $5, ended_reason = $6,
                ended_at = platform_now()
            where id = $1 and party_id = $2 and tenant_id = $3 and state = 'HELD'
              and $4::bigint between 0 and amount_minor
            returning {_COLUMNS}""",
        hold_id,
        party.id,
        party.tenant_id,
        deducted_minor,
        actor,
        reason,
    )
    if row is None:
        raise await _why_not(party, hold_id)
    ended = _hold(row)
    await ledger.post(
        postings.ended(
            party.id,
            party.currency,
            amount_minor=ended.amount_minor,
            deducted_minor=deducted_minor,
        ),
        kind="E11_RELEASE" if ended.state == "RELEASED" else "E11_DEDUCT",
        idempotency_key=f"deposit-hold-ended:{hold_id}",
        tenant_id=party.tenant_id,
    )
    return ended


async def _why_not(party: DepositParty, hold_id: UUID) -> Refusal:
    row = await db.fetch_row(
        "select state, amount_minor from deposit_holds where id = $1 and party_id = $2",
        hold_id,
        party.id,
    )
    if row is None:
        return no_such_hold()
    if row["state"] != "HELD":
        return Invalid("This hold has ended.", field="holdId")
    return Invalid(
        "This is more than is held.", field="deduct", details={"held": row["amount_minor"]}
    )


def too_low(free_minor: int) -> DepositTooLow:
    """The refusal for a deposit of which not so much is free; it says what is."""
    return DepositTooLow(
        "The deposit does not hold as much.", field="amount", details={"available": free_minor}
    )


def no_such_hold() -> NotFound:
    """The refusal for a hold that is nobody's."""
    return NotFound("There is no such hold.", field="holdId")


async def by_id(hold_id: UUID) -> DepositHold:
    """One hold, in the open transaction; `NotFound` behind another fence."""
    row = await db.fetch_row(f"select {_COLUMNS} from deposit_holds where id = $1", hold_id)
    if row is None:
        raise no_such_hold()
    return _hold(row)


async def page(party: DepositParty, *, first: int | None, after: str | None) -> HoldPage:
    """A page of a party's holds."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=party.id, about=_ABOUT)
    rows = await db.read(
        party.scope,
        f"""select {_COLUMNS} from deposit_holds
            where party_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3""",
        party.id,
        UUID(place[0]) if place else None,
        size + 1,
    )
    shown = tuple(_hold(row) for row in rows[:size])
    marks = tuple(cursors.write([str(one.id)], tenant_id=party.id, about=_ABOUT) for one in shown)
    return HoldPage(shown, marks, has_next=len(rows) > size)


def _hold(row: Mapping[str, Any]) -> DepositHold:
    return DepositHold(**row)
