"""What operators ask sellers to put down: of one party, or of everybody of a kind."""

from typing import Final

from billing.deposits.arithmetic import DepositTerms
from billing.deposits.parties import DepositParty, PartyKind
from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from kernel.money import BASIS_POINTS, MAX_AMOUNT_MINOR

MAX_EXPOSURE_BP: Final = 10 * BASIS_POINTS

_OF_PARTY: Final = """
select base_minor, exposure_bp, target_rate_bp, least_minor, most_minor, grace_minor
from deposit_policies
where party_kind = $1 and currency = $3 and (party_id = $2 or party_id is null)
order by party_id nulls last limit 1
"""
_SET: Final = """
insert into deposit_policies as known (id, party_kind, party_id, currency, base_minor, exposure_bp,
                                       target_rate_bp, least_minor, most_minor, grace_minor, set_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (party_kind, party_id, currency) do update
set (base_minor, exposure_bp, target_rate_bp, least_minor, most_minor, grace_minor, set_by, set_at)
    = row(excluded.base_minor, excluded.exposure_bp, excluded.target_rate_bp, excluded.least_minor,
          excluded.most_minor, excluded.grace_minor, excluded.set_by, platform_now())
"""
_LOOK_AGAIN: Final = """
update deposit_standings set look_at = least(look_at, platform_now())
where party_kind = $1 and currency = $3 and ($2::uuid is null or party_id = $2)
"""


async def terms_of(party: DepositParty) -> DepositTerms:
    """The party's own policy, else that of its kind, else none; in an open core transaction."""
    row = await db.fetch_row(_OF_PARTY, party.kind, party.id, party.currency)
    return DepositTerms(**row) if row is not None else DepositTerms()


async def set_policy(
    terms: DepositTerms,
    *,
    kind: PartyKind,
    currency: str,
    party: DepositParty | None,
    actor: str,
) -> None:
    """Write the policy of a party, or without one of its kind, and have those it is about looked at
    soon. Amounts in minor units of `currency`. Raises `Invalid`."""
    _require_sound(terms)
    async with db.transaction(db.every_tenant(reason="what deposits must be")):
        await db.execute(
            _SET,
            new_id(),
            kind,
            party.id if party else None,
            currency,
            terms.base_minor,
            terms.exposure_bp,
            terms.target_rate_bp,
            terms.least_minor,
            terms.most_minor,
            terms.grace_minor,
            actor,
        )
        await db.execute(_LOOK_AGAIN, kind, party.id if party else None, currency)


def _require_sound(terms: DepositTerms) -> None:
    amounts = {
        "base": terms.base_minor,
        "least": terms.least_minor,
        "most": terms.most_minor,
        "grace": terms.grace_minor,
    }
    for field, amount_minor in amounts.items():
        if not 0 <= amount_minor <= MAX_AMOUNT_MINOR:
            raise Invalid(
                f"An amount is between 0 and {MAX_AMOUNT_MINOR} minor units.", field=field
            )
    if not 0 <= terms.exposure_bp <= MAX_EXPOSURE_BP:
        bounds = f"A part of the exposure is 0 to {MAX_EXPOSURE_BP} basis points."
        raise Invalid(bounds, field="exposureBp")
    if not 1 <= terms.target_rate_bp <= BASIS_POINTS:
        message = f"A target is 1 to {BASIS_POINTS} basis points."
        raise Invalid(message, field="targetRateBp")
    if terms.least_minor > terms.most_minor:
        raise Invalid("The least is more than the most.", field="least")
