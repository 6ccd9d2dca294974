"""Payouts as they are stored, and pages of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing.payouts.parties import PaidPartyKind, Party
from billing.payouts.states import MethodKind, PayoutState
from kernel import cursors, db
from kernel.scope import Scope


@dataclass(frozen=True, slots=True)
class Payout:
    """One payout; amounts in minor units, the fee is a part of the amount."""

    id: UUID
    tenant_id: UUID
    party_kind: PaidPartyKind
    party_id: UUID
    method_id: UUID
    method_kind: MethodKind
    currency: str
    amount_minor: int
    fee_minor: int
    state: PayoutState
    requested_at: datetime
    changed_at: datetime
    attempt: int = 1
    round: int = 1
    approvals_needed: int = 1
    requested_by: UUID | None = None
    reasons: tuple[str, ...] = ()
    batch_id: UUID | None = None
    provider_ref: str | None = None
    note: str | None = None

    @property
    def net_minor(self) -> int:
        """What arrives."""
        return self.amount_minor - self.fee_minor


_SHOWN: Final = """id, tenant_id, party_kind, party_id, method_id, method_kind, currency,
       amount_minor, fee_minor, state, requested_at, changed_at"""
COLUMNS: Final = f"""{_SHOWN}, attempt, round, approvals_needed, requested_by, reasons, batch_id,
       provider_ref, note"""


def payout_of(row: Mapping[str, Any]) -> Payout:
    """Read a row of `COLUMNS`, or of the part of them that a party sees."""
    values = dict(row)
    values |= {
        "party_kind": PaidPartyKind(values["party_kind"]),
        "method_kind": MethodKind(values["method_kind"]),
        "state": PayoutState(values["state"]),
        "reasons": tuple(values.get("reasons", ())),
    }
    return Payout(**values)


async def by_id(payout_id: UUID, *, lock: bool = False) -> Payout | None:
    """A payout, in the open core transaction."""
    row = await db.fetch_row(
        f"select {COLUMNS} from payouts where id = $1{' for no key update' if lock else ''}",
        payout_id,
    )
    return None if row is None else payout_of(row)


async def locked(payout_ids: Sequence[UUID]) -> list[Payout]:
    """Payouts by the order of their ids, locked until commit; those that are there."""
    found = await db.fetch(
        f"select {COLUMNS} from payouts where id = any ($1) order by id for no key update",
        list(payout_ids),
    )
    return [payout_of(row) for row in found]


async def by_request(party_id: UUID, request_key: str) -> Payout | None:
    """What a request has made before."""
    row = await db.fetch_row(
        f"select {COLUMNS} from payouts where party_id = $1 and request_key = $2",
        party_id,
        request_key,
    )
    return None if row is None else payout_of(row)


@dataclass(frozen=True, slots=True)
class PayoutPage:
    """A page of payouts, the newest first."""

    rows: tuple[Payout, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def payouts_of(party: Party, *, first: int | None, after: str | None) -> PayoutPage:
    """A page of a party's own payouts."""
    return await _page(
        party.scope, _SHOWN, None, first=first, after=after, about=f"payouts:{party.id}"
    )


async def all_payouts(
    *, state: PayoutState | None, first: int | None, after: str | None
) -> PayoutPage:
    """A page of everybody's payouts, for operators; `state` keeps to one."""
    scope = db.every_tenant(reason="operators look after all payouts")
    about = f"all payouts:{state or ''}"
    return await _page(scope, COLUMNS, state, first=first, after=after, about=about)


async def _page(
    scope: Scope,
    columns: str,
    state: PayoutState | None,
    *,
    first: int | None,
    after: str | None,
    about: str,
) -> PayoutPage:
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=scope.tenant_id, about=about)
    found = await db.read(
        scope,
        f"""select {columns} from payouts
            where ($1::text is null or state = $1) and ($5::uuid is null or party_id = $5)
              and ($2::timestamptz is null or (requested_at, id) < ($2, $3::uuid))
            order by requested_at desc, id desc limit $4""",
        state,
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
        scope.party_id,
    )
    shown = tuple(payout_of(row) for row in found[:size])
    marks = tuple(
        cursors.write(
            [one.requested_at.isoformat(), str(one.id)], tenant_id=scope.tenant_id, about=about
        )
        for one in shown
    )
    return PayoutPage(shown, marks, len(found) > size)
