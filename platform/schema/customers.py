"""The buyer's own account: sign-up, sign-in, the wallet."""

from datetime import datetime
from typing import Annotated

import strawberry

from identity import sign_in as signing
from identity.customers import own_contact
from kernel import db
from kernel.errors import Invalid
from kernel.ids import public_id
from loyalty.progress import Progress, progress_of
from offers.cart.carts import take_over
from orders import paying, topping_up
from promotions.points.book import balance_of
from promotions.queries import coupons_for_customer
from schema.context import Context, Info
from schema.coupon_types import CustomerCoupon, customer_coupon
from schema.look_ahead import selected
from schema.money import Money, MoneyInput, amount
from schema.payment_methods import PaymentMethodCode
from schema.payments import PaymentStartPayload, payment_started
from schema.points import CustomerPoints, customer_points
from schema.problems import Problem, Refusals
from schema.saved_cards import SavedCard, own_saved_cards
from schema.saved_contacts import SavedContact, own_saved_contacts
from schema.tier_types import MembershipTier, TierProgress, progress_type, tier_type


@strawberry.type(description="The signed-in customer of this shop.")
class Customer:
    """One account in one shop."""

    id: strawberry.ID
    email: str | None
    phone: str | None
    wallet: Money
    points: CustomerPoints | None = strawberry.field(description="Null in a shop that gives none.")
    saved_contacts: list[SavedContact] = strawberry.field(metadata={"assumed_size": 20})
    saved_cards: list[SavedCard] = strawberry.field(
        description="Cards for the next payment, the last one first.", metadata={"assumed_size": 20}
    )
    coupons: list[CustomerCoupon] = strawberry.field(
        description="Coupons that the shop offers and that are not used up, those that end first.",
        metadata={"assumed_size": 10},
    )
    tier: MembershipTier | None = strawberry.field(
        description="The membership tier (会员等级); null for none."
    )
    tier_progress: TierProgress | None = strawberry.field(
        description="How far the customer has come on the shop's ladder; null where there is none."
    )


@strawberry.input
class SignUpInput:
    """An e-mail address or a phone number, and a password of at least 8 characters. What is in a
    guest's cart moves into the new account's."""

    password: str
    email: str | None = None
    phone: str | None = None
    name: str = ""
    cart_token: str | None = None


@strawberry.input
class SignInInput:
    """`account` is the e-mail address or the phone number. What is in a guest's cart moves into
    the account's."""

    account: str
    password: str
    cart_token: str | None = None


@strawberry.type
class SignedIn:
    """A bearer token for this shop: `Authorization: Bearer kmc_…`."""

    token: str
    expires_at: datetime


SignInPayload = Annotated[SignedIn | Problem, strawberry.union("SignInPayload")]


@strawberry.type
class SignedOut:
    """The token has ended."""

    done: bool


SignOutPayload = Annotated[SignedOut | Problem, strawberry.union("SignOutPayload")]


@strawberry.input
class WalletTopUpInput:
    """How much, and through which channel."""

    amount: MoneyInput
    method: PaymentMethodCode
    idempotency_key: strawberry.ID


async def _come_in(context: Context, done: signing.SignedIn, cart_token: str | None) -> SignedIn:
    if cart_token is not None:
        await take_over(context.shop, customer_id=done.customer_id, token=cart_token)
    return SignedIn(token=done.token, expires_at=done.expires_at)


def _tier(context: Context, progress: Progress | None) -> MembershipTier | None:
    tier = progress.tier if progress else None
    return None if tier is None else tier_type(tier, context.shop.currency)


def _progress(context: Context, progress: Progress | None) -> TierProgress | None:
    if progress is None or (progress.spent_minor is None and not progress.is_given):
        return None
    return progress_type(progress, context.shop.currency)


@strawberry.type
class CustomerQuery:
    """The caller."""

    @strawberry.field(description="The signed-in customer; null for a guest.")
    async def me(self, info: Info) -> Customer | None:
        """Read the caller's own account."""
        context = info.context
        customer_id = context.customer_id
        if customer_id is None:
            return None
        contact = await own_contact(tenant_id=context.shop.id, customer_id=customer_id)
        async with db.transaction(context.core(), read_only=True):
            balance = await paying.wallet_balance(context.shop, customer_id)
        wanted = selected(info)
        progress = (
            await progress_of(context.shop, customer_id)
            if wanted.has("tier") or wanted.has("tierProgress")
            else None
        )
        return Customer(
            id=strawberry.ID(public_id("cus", customer_id)),
            email=contact.email,
            phone=contact.phone,
            wallet=amount(balance, context.shop.currency),
            points=customer_points(await balance_of(context.shop, customer_id), context)
            if wanted.has("points")
            else None,
            saved_contacts=await own_saved_contacts(context) if wanted.has("savedContacts") else [],
            saved_cards=await own_saved_cards(context) if wanted.has("savedCards") else [],
            coupons=[
                customer_coupon(view)
                for view in await coupons_for_customer(context.shop, customer_id)
            ]
            if wanted.has("coupons")
            else [],
            tier=_tier(context, progress),
            tier_progress=_progress(context, progress),
        )


@strawberry.type
class CustomerMutation:
    """The account's own doings."""

    @strawberry.mutation(description="Open an account in this shop.", extensions=[Refusals()])
    async def sign_up(self, info: Info, input: SignUpInput) -> SignInPayload:
        """Make an account and sign in."""
        context = info.context
        done = await signing.sign_up(
            tenant_id=context.shop.id,
            ip=context.ip,
            password=input.password,
            name=input.name,
            email=input.email,
            phone=input.phone,
        )
        return await _come_in(context, done, input.cart_token)

    @strawberry.mutation(description="Sign in to this shop.", extensions=[Refusals()])
    async def sign_in(self, info: Info, input: SignInInput) -> SignInPayload:
        """Exchange a password for a token."""
        context = info.context
        done = await signing.sign_in(
            tenant_id=context.shop.id,
            account=input.account,
            password=input.password,
            ip=context.ip,
        )
        return await _come_in(context, done, input.cart_token)

    @strawberry.mutation(description="End the token of this request.", extensions=[Refusals()])
    async def sign_out(self, info: Info) -> SignOutPayload:
        """Revoke the caller's token."""
        token = info.context.token
        if token is None:
            raise Invalid("Nobody is signed in.")
        await signing.sign_out(token)
        return SignedOut(done=True)

    @strawberry.mutation(description="Start adding money to the wallet.", extensions=[Refusals()])
    async def wallet_top_up(self, info: Info, input: WalletTopUpInput) -> PaymentStartPayload:
        """Ask a channel for the money; it arrives when the channel says so."""
        context = info.context
        if input.amount.currency != context.shop.currency:
            raise Invalid(f"This shop sells in {context.shop.currency}.", field="amount")
        assert context.customer_id is not None  # the role × field table lets only customers in
        started = await topping_up.top_up(
            shop=context.shop,
            customer_id=context.customer_id,
            amount_minor=input.amount.amount_minor,
            method=input.method.value,
            return_url=f"{context.origin}/account",
            idempotency_key=input.idempotency_key,
        )
        return payment_started(started)
