"""What operators decide about earnings: how long they wait, and what a failed batch gives back."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from billing.balances import party_balance
from kernel import db
from kernel.ids import parse_id, public_id
from orders import compensating
from orders.compensating import Compensation
from orders.earnings.setting import set_terms
from orders.earnings.terms import Terms
from orders.split import PartyKind
from schema.balances import Balances, balances_type, outlook_of
from schema.context import Info
from schema.inputs import moment_in
from schema.look_ahead import selected
from schema.money import Money, amount
from schema.problems import Problem, Refusals


@strawberry.enum
class EarningParty(Enum):
    """Who earns on sales beside the platform."""

    SUPPLIER = "SUPPLIER"
    TENANT = "TENANT"
    AFFILIATE = "AFFILIATE"


_IDS = {EarningParty.SUPPLIER: "sup", EarningParty.TENANT: "ten", EarningParty.AFFILIATE: "aff"}
#: Of affiliates it is the shop that agrees.
_OWNER_IDS = {**_IDS, EarningParty.AFFILIATE: "ten"}


@strawberry.input
class EarningTermsInput:
    """For all of a kind, or for one owner: a supplier, a tenant, or the shop whose affiliates they
    are. `cardHours` more where a card has paid; `redeemedHours` after a redemption, where one
    supplier is trusted."""

    party: EarningParty
    hold_hours: int
    card_hours: int
    owner_id: strawberry.ID | None = None
    redeemed_hours: int | None = None


@strawberry.type
class EarningTermsWritten:
    """The terms for what is delivered from now on."""

    party: EarningParty
    hold_hours: int
    card_hours: int
    redeemed_hours: int | None


@strawberry.input
class BatchCompensateInput:
    """`penaltyBp` of what is given back, by the supplier to the platform."""

    batch_id: strawberry.ID
    delivered_since: datetime
    penalty_bp: int = 0


@strawberry.type
class BatchCompensation:
    """How far the buyers of a failed batch have been paid back."""

    batch_id: strawberry.ID
    delivered_since: datetime
    penalty_bp: int
    started_at: datetime
    ended_at: datetime | None
    refunds: int
    refunded: Money


@strawberry.type
class BatchCompensated:
    """It goes on by itself."""

    compensation: BatchCompensation


EarningTermsPayload = Annotated[
    EarningTermsWritten | Problem, strawberry.union("EarningTermsPayload")
]
BatchCompensatePayload = Annotated[
    BatchCompensated | Problem, strawberry.union("BatchCompensatePayload")
]


@strawberry.type
class EarningQuery:
    """Any party's money, and the work on a failed batch."""

    @strawberry.field(description="A party's money in the shop's currency.")
    async def party_balances(
        self, info: Info, party: EarningParty, party_id: strawberry.ID
    ) -> Balances:
        """Read a supplier's, a tenant's or an affiliate's balances."""
        context = info.context
        found = parse_id(_IDS[party], party_id, field="partyId")
        async with db.transaction(db.core_scope(), read_only=True):
            balance = await party_balance(found, context.shop.currency)
        outlook = await outlook_of(found, context.shop, wanted=selected(info))
        return balances_type(balance, outlook, context.shop.currency)

    @strawberry.field(
        description="How far the buyers of a failed batch have been paid back; null: nobody began."
    )
    async def batch_compensation(self, batch_id: strawberry.ID) -> BatchCompensation | None:
        """Read the work on a batch."""
        found = await compensating.compensation_of(parse_id("bat", batch_id, field="batchId"))
        return _compensation_type(found) if found else None


@strawberry.type
class EarningMutation:
    """Terms, and compensation."""

    @strawberry.mutation(description="How long earnings wait.", extensions=[Refusals()])
    async def earning_terms_set(self, info: Info, input: EarningTermsInput) -> EarningTermsPayload:
        """Agree on terms."""
        owner_id = input.owner_id
        await set_terms(
            kind=PartyKind(input.party.value),
            owner_id=parse_id(_OWNER_IDS[input.party], owner_id, field="ownerId")
            if owner_id is not None
            else None,
            terms=Terms(input.hold_hours, input.card_hours, input.redeemed_hours),
            actor=info.context.actor,
        )
        return EarningTermsWritten(
            party=input.party,
            hold_hours=input.hold_hours,
            card_hours=input.card_hours,
            redeemed_hours=input.redeemed_hours,
        )

    @strawberry.mutation(
        description="Pay back everybody who was delivered keys of a batch that has failed.",
        extensions=[Refusals()],
    )
    async def batch_compensate(
        self, info: Info, input: BatchCompensateInput
    ) -> BatchCompensatePayload:
        """Begin to compensate; asking again begins nothing new."""
        begun = await compensating.compensate_batch(
            batch_id=parse_id("bat", input.batch_id, field="batchId"),
            since=moment_in(input.delivered_since, field="deliveredSince"),
            penalty_bp=input.penalty_bp,
            actor=info.context.actor,
        )
        return BatchCompensated(compensation=_compensation_type(begun))


def _compensation_type(found: Compensation) -> BatchCompensation:
    return BatchCompensation(
        batch_id=strawberry.ID(public_id("bat", found.batch_id)),
        delivered_since=found.since,
        penalty_bp=found.penalty_bp,
        started_at=found.started_at,
        ended_at=found.ended_at,
        refunds=found.refunds,
        refunded=amount(found.refunded_minor, found.currency),
    )
