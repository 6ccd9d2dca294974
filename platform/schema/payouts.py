"""A party's own payouts: where it is paid, what it asks for, what came of it."""

from typing import Annotated

import strawberry

from billing.payouts import connected_accounts, methods, requests, rows
from billing.payouts.bank_numbers import BankAccount
from billing.payouts.connected_accounts import ChannelSilent
from billing.payouts.parties import Actor, PaidPartyKind, Party
from identity.models import TokenKind
from kernel.errors import Invalid
from kernel.ids import parse_id
from schema.context import Context, Info
from schema.inputs import amount_in, return_url
from schema.money import MoneyInput
from schema.payout_types import (
    Payout,
    PayoutConnection,
    PayoutMethod,
    PayoutMethodKind,
    method_type,
    payout_connection,
    payout_type,
)
from schema.problems import Problem, Refusals
from schema.step_ups import holder_of


@strawberry.input
class BankAccountInput:
    """As the bank writes it; only the last four of the number are ever shown again."""

    holder: str
    number: str
    bank: str


@strawberry.input
class PayoutMethodSetInput:
    """`bankAccount` is for BANK_ACCOUNT alone; for STRIPE_ACCOUNT the channel asks its holder.
    `returnPath` is where the holder comes back to. The proof is for PAYOUT_METHOD."""

    kind: PayoutMethodKind
    step_up_proof: str
    bank_account: BankAccountInput | None = None
    return_path: str | None = None


@strawberry.input
class PayoutMethodLinkInput:
    """Where the account's holder comes back to."""

    return_path: str | None = None


@strawberry.input
class PayoutRequestInput:
    """Of what is available, to where the caller is paid now. The proof is for PAYOUT_REQUEST."""

    amount: MoneyInput
    step_up_proof: str
    idempotency_key: strawberry.ID


@strawberry.input
class PayoutCancelInput:
    """A payout that nobody has looked at yet."""

    payout_id: strawberry.ID


@strawberry.type
class PayoutMethodSet:
    """The place to be paid at; at `onboardingUrl` an account's holder says who they are."""

    method: PayoutMethod
    onboarding_url: str | None


@strawberry.type
class PayoutChanged:
    """The payout as it is now."""

    payout: Payout


PayoutMethodPayload = Annotated[PayoutMethodSet | Problem, strawberry.union("PayoutMethodPayload")]
PayoutPayload = Annotated[PayoutChanged | Problem, strawberry.union("PayoutPayload")]


@strawberry.type
class PayoutQuery:
    """The caller's own payouts."""

    @strawberry.field(description="The payouts of the caller's party, the newest first.")
    async def payouts(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> PayoutConnection:
        """Read a page of payouts."""
        page = await rows.payouts_of(party_of(info.context), first=first, after=after)
        return payout_connection(page)

    @strawberry.field(
        description="Where the caller's party is paid, the place of now first.",
        metadata={"assumed_size": methods.MOST_SHOWN},
    )
    async def payout_methods(self, info: Info) -> list[PayoutMethod]:
        """Read the places to be paid at."""
        return [method_type(one) for one in await methods.methods_of(party_of(info.context))]


@strawberry.type
class PayoutMutation:
    """Being paid."""

    @strawberry.mutation(
        description="Say where the caller's party is paid; a new place waits a day.",
        extensions=[Refusals()],
    )
    async def payout_method_set(
        self, info: Info, input: PayoutMethodSetInput
    ) -> PayoutMethodPayload:
        """Put another place into the old one's stead."""
        context = info.context
        party = party_of(context)
        account = _account_in(input)
        method = await methods.set_method(
            party,
            account=account,
            actor=actor_of(context),
            holder=holder_of(context),
            proof=input.step_up_proof,
        )
        url = await _onboarding_url(context, party, input) if account is None else None
        return PayoutMethodSet(method=method_type(method), onboarding_url=url)

    @strawberry.mutation(
        description="Go on with the onboarding of an account at the channel.",
        extensions=[Refusals()],
    )
    async def payout_method_link(
        self, info: Info, input: PayoutMethodLinkInput
    ) -> PayoutMethodPayload:
        """Ask the channel for another page."""
        context = info.context
        party = party_of(context)
        url = await connected_accounts.onboarding_link(
            party, return_url=return_url(context, input.return_path)
        )
        method = (await methods.methods_of(party))[0]
        return PayoutMethodSet(method=method_type(method), onboarding_url=url)

    @strawberry.mutation(description="Ask for a payout.", extensions=[Refusals()])
    async def payout_request(self, info: Info, input: PayoutRequestInput) -> PayoutPayload:
        """Reserve money and have it paid out."""
        context = info.context
        payout = await requests.request_payout(
            party_of(context),
            amount_minor=amount_in(input.amount, context, field="amount"),
            actor=actor_of(context),
            holder=holder_of(context),
            proof=input.step_up_proof,
            idempotency_key=input.idempotency_key,
        )
        return PayoutChanged(payout=payout_type(payout))

    @strawberry.mutation(
        description="Take a payout back that nobody has looked at.", extensions=[Refusals()]
    )
    async def payout_cancel(self, info: Info, input: PayoutCancelInput) -> PayoutPayload:
        """Cancel a request."""
        context = info.context
        payout = await requests.cancel_payout(
            party_of(context),
            parse_id("pyt", input.payout_id, field="payoutId"),
            actor=actor_of(context),
        )
        return PayoutChanged(payout=payout_type(payout))


def party_of(context: Context) -> Party:
    """For whom the caller speaks: suppliers and affiliates for themselves, staff for the shop."""
    assert context.caller is not None  # the role × field table lets no guest in
    shop, caller = context.shop, context.caller
    if caller.kind is TokenKind.SUPPLIER:
        return Party(PaidPartyKind.SUPPLIER, caller.principal_id, shop.id, shop.currency)
    if caller.kind is TokenKind.AFFILIATE:
        return Party(PaidPartyKind.AFFILIATE, caller.principal_id, shop.id, shop.currency)
    return Party(PaidPartyKind.TENANT, shop.id, shop.id, shop.currency)


def actor_of(context: Context) -> Actor:
    """Who acts, as the record names them."""
    assert context.caller is not None  # the role × field table lets no guest in
    return Actor(context.actor, context.caller.principal_id)


def _account_in(input: PayoutMethodSetInput) -> BankAccount | None:
    given = input.bank_account
    if (given is None) == (input.kind is PayoutMethodKind.BANK_ACCOUNT):
        raise Invalid("A bank account is written down, and no other.", field="bankAccount")
    if given is None:
        return None
    return BankAccount.written(holder=given.holder, number=given.number, bank=given.bank)


async def _onboarding_url(
    context: Context, party: Party, input: PayoutMethodSetInput
) -> str | None:
    """Where the holder goes on; None while the channel is silent: `payoutMethodLink` asks again."""
    try:
        back = return_url(context, input.return_path)
        return await connected_accounts.onboarding_link(party, return_url=back)
    except ChannelSilent:
        return None
