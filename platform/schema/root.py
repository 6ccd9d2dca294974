"""The one schema of the platform."""

from functools import lru_cache

import strawberry
from strawberry.schema.config import StrawberryConfig

from kernel.settings import settings
from schema.adjustments import AdjustmentMutation, AdjustmentQuery
from schema.affiliate_portal import AffiliatePortalQuery
from schema.affiliate_reviews import AffiliateReviewMutation, AffiliateReviewQuery
from schema.affiliates import AffiliateMutation, AffiliateQuery
from schema.api_clients import ApiClientMutation, ApiClientQuery
from schema.audit import AuditQuery
from schema.bank import BankMutation, BankQuery
from schema.carts import CartMutation, CartQuery
from schema.catalogue import CatalogueQuery
from schema.compiled_schema import CompiledSchema
from schema.conversions import ConversionQuery, ConversionSubscription
from schema.coupons import CouponMutation, CouponQuery
from schema.customers import CustomerMutation, CustomerQuery
from schema.deposits import DepositMutation, DepositQuery
from schema.desks import DeskQuery
from schema.disputes import DisputeMutation, DisputeQuery
from schema.domains import DomainMutation
from schema.earnings import EarningMutation, EarningQuery
from schema.exchange import ExchangeMutation, ExchangeQuery
from schema.fast_refunds import FastRefundMutation, FastRefundQuery
from schema.forms import FormQuery
from schema.goods import GoodsMutation
from schema.instalments import InstalmentMutation, InstalmentQuery
from schema.keys import KeyMutation
from schema.limits import Gate, QueryLimits
from schema.manual_deliveries import ManualMutation, ManualQuery
from schema.money import SCALARS
from schema.order_events import OrderSubscription
from schema.orders import OrderMutation, OrderQuery
from schema.passwords import PasswordMutation
from schema.payments import PaymentMutation
from schema.payout_desk import PayoutDeskMutation, PayoutDeskQuery
from schema.payouts import PayoutMutation, PayoutQuery
from schema.permissions import refused_by_table
from schema.points import PointsMutation, PointsQuery
from schema.price_desk import PriceDeskQuery, PriceDeskSubscription
from schema.price_desk_writes import ListingMutation, PriceDeskMutation
from schema.price_lists import PriceListMutation, PriceListQuery
from schema.promo_budgets import PromoBudgetMutation, PromoBudgetQuery
from schema.purchases import PurchaseMutation, PurchaseQuery
from schema.quotes import QuoteQuery
from schema.reconciliation import ReconciliationMutation, ReconciliationQuery
from schema.refunds import RefundMutation
from schema.replacements import ReplacementMutation
from schema.saved_cards import SavedCardMutation
from schema.saved_contacts import SavedContactMutation
from schema.settlement import SettlementMutation
from schema.staff import StaffMutation, StaffQuery
from schema.statements import StatementMutation, StatementQuery
from schema.step_ups import StepUpMutation
from schema.storefronts import StorefrontMutation, StorefrontQuery
from schema.taken_methods import TakenMethodMutation
from schema.tenant_queries import TenantQuery
from schema.tenant_reviews import TenantReviewMutation
from schema.tenants import TenantMutation
from schema.tiers import TierMutation, TierQuery
from schema.trade import TradeMutation, TradeQuery
from schema.trade_events import TradeSubscription
from schema.vouchers import VoucherMutation, VoucherQuery
from schema.webhooks import WebhookMutation, WebhookQuery

# One try a request: each of these can be guessed at.
SENSITIVE_MUTATIONS = frozenset(
    {
        "signIn",
        "signUp",
        "staffSignIn",
        "staffInvitationAccept",
        "passwordChange",
        "passwordResetAsk",
        "passwordReset",
        "keyReveal",
        "voucherRedeem",
        "keysExport",
        "manualBegin",
        "purchaseAtCost",
        "stepUpConfirm",
        "tenantApply",
        "invitationAccept",
    }
)

# Of the query's root, what every guest of a shop sees alike: the answer depends on the shop, the
# language and the question alone.
PUBLIC_FIELDS = frozenset({"storefront", "categories", "products", "product", "__typename"})


@strawberry.type
class Query(
    StorefrontQuery,
    CatalogueQuery,
    FormQuery,
    QuoteQuery,
    CartQuery,
    OrderQuery,
    ManualQuery,
    PurchaseQuery,
    CustomerQuery,
    DeskQuery,
    EarningQuery,
    PriceDeskQuery,
    PriceListQuery,
    TradeQuery,
    DepositQuery,
    FastRefundQuery,
    WebhookQuery,
    StaffQuery,
    ApiClientQuery,
    TenantQuery,
    CouponQuery,
    AffiliateQuery,
    AffiliatePortalQuery,
    AffiliateReviewQuery,
    ConversionQuery,
    PromoBudgetQuery,
    TierQuery,
    PointsQuery,
    AuditQuery,
    AdjustmentQuery,
    BankQuery,
    VoucherQuery,
    ReconciliationQuery,
    PayoutQuery,
    PayoutDeskQuery,
    DisputeQuery,
    StatementQuery,
    ExchangeQuery,
    InstalmentQuery,
):
    """What can be asked."""


@strawberry.type
class Mutation(
    CartMutation,
    OrderMutation,
    PaymentMutation,
    PurchaseMutation,
    KeyMutation,
    ManualMutation,
    GoodsMutation,
    RefundMutation,
    ReplacementMutation,
    EarningMutation,
    CustomerMutation,
    PriceDeskMutation,
    ListingMutation,
    PriceListMutation,
    TradeMutation,
    DepositMutation,
    FastRefundMutation,
    SettlementMutation,
    TakenMethodMutation,
    WebhookMutation,
    StaffMutation,
    ApiClientMutation,
    StorefrontMutation,
    TenantMutation,
    TenantReviewMutation,
    DomainMutation,
    CouponMutation,
    AffiliateMutation,
    AffiliateReviewMutation,
    PromoBudgetMutation,
    PointsMutation,
    SavedContactMutation,
    SavedCardMutation,
    PasswordMutation,
    TierMutation,
    AdjustmentMutation,
    BankMutation,
    VoucherMutation,
    ReconciliationMutation,
    StepUpMutation,
    PayoutMutation,
    PayoutDeskMutation,
    DisputeMutation,
    StatementMutation,
    ExchangeMutation,
    InstalmentMutation,
):
    """What can be done."""


@strawberry.type
class Subscription(
    OrderSubscription, PriceDeskSubscription, TradeSubscription, ConversionSubscription
):
    """What can be watched."""


@lru_cache(maxsize=4)
def build_schema(*, production: bool, compiled: bool = True) -> CompiledSchema:
    """Make the schema, once a process; production hides its description.

    Without `compiled` graphql-core executes everything: slower, and with the same answers.
    """
    return CompiledSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        gate=Gate(
            QueryLimits(),
            production=production,
            sensitive_mutations=SENSITIVE_MUTATIONS,
            public_fields=PUBLIC_FIELDS,
            permit=refused_by_table,
        ),
        config=StrawberryConfig(disable_field_suggestions=production, scalar_map=SCALARS),
        compiled=compiled,
    )


schema = build_schema(production=settings().production, compiled=settings().compiled_execution)
