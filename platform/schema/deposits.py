"""Deposits: what a supplier or a shop has put down, and what operators do with it."""

import strawberry

from billing.deposits import holds
from billing.deposits.arithmetic import DepositTerms
from billing.deposits.parties import DepositParty
from billing.deposits.policies import set_policy
from kernel.errors import Invalid
from kernel.ids import parse_id
from orders import deposit_funding
from orders.deposits import cases
from orders.deposits.view import view_of
from orders.deposits.whose import party_of_hold
from schema.context import Info
from schema.deposit_types import (
    Deposit,
    DepositChanged,
    DepositHoldChanged,
    DepositHoldConnection,
    DepositHoldPayload,
    DepositPartyKind,
    DepositPayload,
    DepositPolicyChanged,
    DepositPolicyPayload,
    amount_of,
    deposit_type,
    hold_connection,
    hold_type,
    named_party,
    party_in,
    public_party_id,
)
from schema.inputs import return_url
from schema.money import MoneyInput
from schema.payment_methods import PaymentMethodCode
from schema.payments import PaymentStartPayload, payment_started
from schema.problems import Refusals


@strawberry.input
class DepositTopUpInput:
    """Money for the caller's own deposit, by one of the platform's channels."""

    amount: MoneyInput
    method: PaymentMethodCode
    idempotency_key: strawberry.ID
    return_path: str | None = None


@strawberry.input
class DepositPutDownInput:
    """Out of what the caller has earned and could be paid out."""

    amount: MoneyInput
    idempotency_key: strawberry.ID


@strawberry.input
class DepositCreditInput:
    """A bank transfer that has come; the bank's own reference is credited once."""

    party_id: strawberry.ID
    amount: MoneyInput
    bank_reference: str
    idempotency_key: strawberry.ID


@strawberry.input
class DepositHoldInput:
    """For a case; without one the hold is a case of its own."""

    party_id: strawberry.ID
    amount: MoneyInput
    reason: str
    idempotency_key: strawberry.ID
    case_id: strawberry.ID | None = None


@strawberry.input
class DepositHoldEndInput:
    """`deduct` is a penalty, for good; the rest is free again."""

    hold_id: strawberry.ID
    reason: str
    deduct: MoneyInput | None = None


@strawberry.input
class DepositReleaseInput:
    """To a supplier or a shop that has ended, and of which nothing can be claimed any more."""

    party_id: strawberry.ID
    idempotency_key: strawberry.ID


@strawberry.input
class DepositPolicySetInput:
    """required = `base` + `exposureBp` x exposure x (invalid rate / `targetRateBp`), at least
    `least` and at most `most`. Without `partyId` it is about everybody of the kind who has none of
    their own. All amounts in one currency."""

    party_kind: DepositPartyKind
    base: MoneyInput
    least: MoneyInput
    most: MoneyInput
    grace: MoneyInput
    exposure_bp: int
    target_rate_bp: int
    party_id: strawberry.ID | None = None


async def _changed(party: DepositParty) -> DepositChanged:
    return DepositChanged(deposit=deposit_type(await view_of(party), party))


@strawberry.type
class DepositQuery:
    """What is put down."""

    @strawberry.field(description="A deposit: the caller's own; an operator says whose.")
    async def deposit(self, info: Info, party_id: strawberry.ID | None = None) -> Deposit:
        """Read a deposit and what is asked for."""
        party = await party_in(info.context, party_id)
        return deposit_type(await view_of(party), party)

    @strawberry.field(description="What cases hold of a deposit, or have held, the newest first.")
    async def deposit_holds(
        self,
        info: Info,
        party_id: strawberry.ID | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> DepositHoldConnection:
        """Read a page of holds."""
        party = await party_in(info.context, party_id)
        return hold_connection(await holds.page(party, first=first, after=after))


@strawberry.type
class DepositMutation:
    """Money into a deposit, held of it, and out of it."""

    @strawberry.mutation(
        description="Start adding money to the caller's deposit.", extensions=[Refusals()]
    )
    async def deposit_top_up(self, info: Info, input: DepositTopUpInput) -> PaymentStartPayload:
        """Ask a channel for the money; it arrives when the channel says so."""
        context = info.context
        party = await party_in(context, None)
        started = await deposit_funding.top_up(
            party,
            shop=context.shop,
            actor=context.actor,
            amount_minor=amount_of(input.amount, party, field="amount"),
            method=input.method.value,
            return_url=return_url(context, input.return_path),
            idempotency_key=input.idempotency_key,
        )
        return payment_started(started)

    @strawberry.mutation(
        description="Put down what the caller has earned and could be paid out.",
        extensions=[Refusals()],
    )
    async def deposit_put_down(self, info: Info, input: DepositPutDownInput) -> DepositPayload:
        """Move available money into the deposit."""
        context = info.context
        party = await party_in(context, None)
        await deposit_funding.put_down(
            party,
            actor=context.actor,
            amount_minor=amount_of(input.amount, party, field="amount"),
            idempotency_key=input.idempotency_key,
        )
        return await _changed(party)

    @strawberry.mutation(
        description="Credit a bank transfer to somebody's deposit.", extensions=[Refusals()]
    )
    async def deposit_credit(self, info: Info, input: DepositCreditInput) -> DepositPayload:
        """Write down money that an operator has seen at the bank."""
        party = await named_party(input.party_id)
        await deposit_funding.credit_bank_transfer(
            party,
            actor=info.context.actor,
            amount_minor=amount_of(input.amount, party, field="amount"),
            bank_reference=input.bank_reference,
            idempotency_key=input.idempotency_key,
        )
        return await _changed(party)

    @strawberry.mutation(
        description="Hold a part of somebody's deposit for a case.", extensions=[Refusals()]
    )
    async def deposit_hold(self, info: Info, input: DepositHoldInput) -> DepositHoldPayload:
        """Hold money; what is held is not counted as put down."""
        party = await named_party(input.party_id)
        case_id = None
        if input.case_id is not None:
            case_id = parse_id("cas", input.case_id, field="caseId")
        held = await cases.hold(
            party,
            case_id=case_id,
            amount_minor=amount_of(input.amount, party, field="amount"),
            reason=input.reason,
            actor=info.context.actor,
            idempotency_key=input.idempotency_key,
        )
        return DepositHoldChanged(hold=hold_type(held))

    @strawberry.mutation(
        description="End a hold: deduct a part as a penalty, and free the rest.",
        extensions=[Refusals()],
    )
    async def deposit_hold_end(self, info: Info, input: DepositHoldEndInput) -> DepositHoldPayload:
        """End what a case holds, once."""
        hold_id = parse_id("dph", input.hold_id, field="holdId")
        party = await party_of_hold(hold_id)
        deducted_minor = 0
        if input.deduct is not None:
            deducted_minor = amount_of(input.deduct, party, field="deduct")
        ended = await cases.end_hold(
            party,
            hold_id,
            deducted_minor=deducted_minor,
            reason=input.reason,
            actor=info.context.actor,
        )
        return DepositHoldChanged(hold=hold_type(ended))

    @strawberry.mutation(
        description="Give a deposit back to who has wound up.", extensions=[Refusals()]
    )
    async def deposit_release(self, info: Info, input: DepositReleaseInput) -> DepositPayload:
        """Make a deposit available for a payout."""
        party = await named_party(input.party_id)
        await cases.leave(party, actor=info.context.actor, idempotency_key=input.idempotency_key)
        return await _changed(party)

    @strawberry.mutation(description="Say how much sellers must put down.", extensions=[Refusals()])
    async def deposit_policy_set(
        self, info: Info, input: DepositPolicySetInput
    ) -> DepositPolicyPayload:
        """Write a policy of one party, or of all of a kind."""
        kind = input.party_kind
        party = await named_party(input.party_id) if input.party_id is not None else None
        if party is not None and party.kind != kind.value:
            raise Invalid("The party is of another kind.", field="partyKind")
        amounts = {"base": input.base, "least": input.least, "most": input.most}
        currency = party.currency if party else input.grace.currency
        for field, money in {**amounts, "grace": input.grace}.items():
            if money.currency != currency:
                raise Invalid("All amounts are in one currency.", field=field)
        terms = DepositTerms(
            base_minor=input.base.amount_minor,
            exposure_bp=input.exposure_bp,
            target_rate_bp=input.target_rate_bp,
            least_minor=input.least.amount_minor,
            most_minor=input.most.amount_minor,
            grace_minor=input.grace.amount_minor,
        )
        await set_policy(
            terms, kind=kind.value, currency=currency, party=party, actor=info.context.actor
        )
        return DepositPolicyChanged(
            party_kind=kind, party_id=public_party_id(party) if party else None
        )
