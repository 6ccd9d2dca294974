"""What an operator agrees on with parties: how long their earnings wait."""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from orders.earnings.terms import MAX_HOURS, Terms
from orders.split import PartyKind

_OWNERS: Final = {
    PartyKind.SUPPLIER: "select exists (select from suppliers where id = $1)",
    PartyKind.TENANT: "select exists (select from tenants where id = $1)",
    PartyKind.AFFILIATE: "select exists (select from tenants where id = $1)",
}


async def set_terms(*, kind: PartyKind, owner_id: UUID | None, terms: Terms, actor: str) -> None:
    """Write the terms of all parties of a kind, or of one supplier, one tenant, or the affiliates
    of one shop. They are for what is delivered from now on.

    Raises `Invalid` and `NotFound`.
    """
    _require_sensible(kind, owner_id, terms)
    async with db.transaction(db.core_scope()):
        if owner_id is not None and not await db.fetch_value(_OWNERS[kind], owner_id):
            raise NotFound("There is no such party.", field="ownerId")
        await db.execute(
            """insert into earning_terms (party_kind, owner_id, hold_hours, card_hours,
                                          redeemed_hours, set_by)
               values ($1, $2, $3, $4, $5, $6)
               on conflict (party_kind, owner_id) do update
               set hold_hours = excluded.hold_hours, card_hours = excluded.card_hours,
                   redeemed_hours = excluded.redeemed_hours, set_by = excluded.set_by,
                   set_at = platform_now()""",
            kind.value,
            owner_id,
            terms.hold_hours,
            terms.card_hours,
            terms.redeemed_hours,
            actor,
        )


def _require_sensible(kind: PartyKind, owner_id: UUID | None, terms: Terms) -> None:
    for hours, field in (
        (terms.hold_hours, "holdHours"),
        (terms.card_hours, "cardHours"),
        (terms.redeemed_hours or 0, "redeemedHours"),
    ):
        if not 0 <= hours <= MAX_HOURS:
            raise Invalid(f"A term is 0 to {MAX_HOURS} hours.", field=field)
    if terms.redeemed_hours is not None and (kind is not PartyKind.SUPPLIER or owner_id is None):
        raise Invalid("Only one supplier is trusted at a time.", field="redeemedHours")
