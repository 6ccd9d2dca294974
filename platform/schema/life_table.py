"""The frozen state × field table: what may be asked of a shop in each state of its life.

Every root field has a row; a test holds the table against the schema and asks for everything in
every state. Mutations are refused as a `Problem`, everything else as an error, both with
TENANT_RESTRICTED, before any use case. What has a race in it is decided again by the statement
that writes: a shop may sell in a state named here, and yet not sell (`shop_closure`).
"""

from functools import lru_cache
from typing import Final

from tenants.directory import TenantRestricted
from tenants.life import STANDING, TenantStatus

_S = TenantStatus
ALWAYS: Final = frozenset(TenantStatus)
#: Has opened, and is not closed: its buyers are served.
SERVED: Final = STANDING | {_S.SUSPENDED, _S.CLOSING}
#: What was sold in a shop outlives it: the buyer comes for it.
OUTLIVES: Final = SERVED | {_S.CLOSED}
#: May still open, or is served: its own people prepare it.
KEPT: Final = ALWAYS - {_S.REJECTED, _S.CLOSED}
#: The same once somebody has looked at the application. Anybody may apply, at any shop: whoever has
#: only applied learns nothing of what that shop asks of those below it, says nothing to visitors at
#: an address of the platform's, and has nobody called.
ACCEPTED: Final = KEPT - {_S.APPLIED}
REJECTED: Final = frozenset({_S.REJECTED})
#: Whoever is rejected may have put a deposit down, which is given back.
PAID_OUT: Final = OUTLIVES | REJECTED

#: Where: "which fields of the query, the mutation and the subscription".
_ROWS: Final[tuple[tuple[str, frozenset[TenantStatus], str], ...]] = (
    ("Query", ALWAYS, "storefront tenant affiliate supplier trialBalance tenants"),
    (
        "Query",
        ALWAYS,
        "auditLog auditHead ledgerAdjustments statement statementFile statementFiles fxRates",
    ),
    ("Query", ALWAYS, "manualDeliveries childTenantInvitations"),
    ("Query", ALWAYS, "partyBalances batchCompensation instalmentTerms"),
    ("Query", OUTLIVES, "instalments"),
    (
        "Query",
        SERVED,
        "categories products product quote catalogueToList subtree cart formValidate",
    ),
    ("Query", OUTLIVES, "order orders me pointsEntries tenantOrders customerTierChanges"),
    ("Query", OUTLIVES, "disputes"),
    ("Query", ALWAYS, "dispute"),
    ("Query", SERVED, "tiers openPrograms affiliates affiliatePrograms"),
    ("Query", OUTLIVES, "links affiliateReport affiliateReviews conversions"),
    ("Query", ALWAYS, "staff staffInvitations staffEvents myTenants apiClients"),
    ("Query", ACCEPTED, "priceRules agentGrades promotions priceImpact priceAlerts priceExplain"),
    (
        "Query",
        ACCEPTED,
        "priceListExport priceListImport coupons promoBudget pointsProgram couponCodes",
    ),
    ("Query", OUTLIVES, "purchase purchases tradeLedger webhooks webhookDeliveries"),
    ("Mutation", STANDING, "orderCreate quickBuy paymentStart walletTopUp signUp"),
    ("Mutation", STANDING, "cartLinesAdd"),
    (
        "Mutation",
        SERVED,
        "cartLinesUpdate cartLinesRemove contactSave contactForget savedCardRemove",
    ),
    ("Mutation", SERVED, "orderCancel paymentRefresh unrevealedReturn"),
    ("Mutation", OUTLIVES, "signIn signOut keyReveal keysExport refundCreate orderRefund"),
    ("Mutation", OUTLIVES, "keyReplace"),
    ("Mutation", OUTLIVES, "orderLineCorrect orderLineCancel"),
    ("Mutation", STANDING, "tenantApply invitationAccept childTenantInvite"),
    ("Mutation", STANDING, "childTenantRestrict tenantCloseRequest"),
    ("Mutation", ALWAYS, "ledgerAdjust ledgerAdjustDecide statementAsk fxRateSet"),
    ("Mutation", ALWAYS, "fxRevalue"),
    ("Mutation", ALWAYS, "childTenantInvitationWithdraw"),
    ("Mutation", STANDING, "domainAdd domainVerify domainPrimary"),
    ("Mutation", SERVED, "domainRemove"),
    ("Mutation", REJECTED, "tenantApplyAgain"),
    ("Mutation", STANDING, "purchaseAtCost tradeBalanceTopUp transferToChild"),
    ("Mutation", SERVED, "lowBalanceSet"),
    ("Mutation", ALWAYS, "staffSignIn staffInvitationAccept staffInvitationWithdraw"),
    ("Mutation", ALWAYS, "passwordChange passwordResetAsk passwordReset"),
    ("Mutation", ALWAYS, "staffSetRoles staffRemove apiClientRevoke webhookDelete"),
    ("Mutation", KEPT, "staffInvite apiClientCreate apiClientUpdate apiClientRotate"),
    (
        "Mutation",
        ACCEPTED,
        "storefrontUpdate paymentMethodSet webhookUpsert webhookSecretRotate webhookTest",
    ),
    ("Mutation", SERVED, "webhookReplay"),
    ("Mutation", ACCEPTED, "priceRuleUpsert priceRuleDelete secretPriceSet agentGradeUpsert"),
    ("Mutation", ACCEPTED, "childTenantSetGrade retailFloorSet leastMarginSet promotionUpsert"),
    ("Mutation", ACCEPTED, "promotionPause listingUpsert listingBulkUpsert"),
    ("Mutation", ACCEPTED, "tierUpsert tierRemove customerTierSet"),
    ("Mutation", SERVED, "couponCreate couponCodesGenerate couponPause couponResume"),
    ("Mutation", SERVED, "affiliateProgramUpdate affiliateApprove"),
    ("Mutation", STANDING, "affiliateJoin linkCreate"),
    ("Mutation", OUTLIVES, "affiliateSignIn affiliateReviewDecide appealCreate"),
    ("Mutation", SERVED, "promoBudgetTopUp pointsProgramUpsert pointsAdjust"),
    ("Mutation", ACCEPTED, "priceListUploadStart priceListImport"),
    ("Mutation", ALWAYS, "tradeBalanceCredit settlementModeSet"),
    # The books are the platform's, at whatever shop's address an operator is.
    ("Query", ALWAYS, "reconciliationRuns reconciliationItems payoutGates"),
    ("Mutation", ALWAYS, "reconcileRun reconciliationItemResolve payoutGateSet"),
    ("Mutation", ALWAYS, "earningTermsSet batchCompensate instalmentTermsSet"),
    ("Mutation", STANDING, "instalmentStart"),
    ("Mutation", SERVED, "instalmentPay"),
    ("Mutation", OUTLIVES, "instalmentPlanEnd"),
    ("Mutation", ACCEPTED, "instalmentsOffer"),
    # Whose deposit an operator decides about stands somewhere else; a supplier's is the platform's.
    ("Query", ALWAYS, "deposit depositHolds"),
    ("Mutation", KEPT, "depositTopUp depositPutDown"),
    ("Mutation", ALWAYS, "depositCredit depositHold depositHoldEnd depositRelease"),
    ("Mutation", ALWAYS, "depositPolicySet fastRefundDecide"),
    ("Query", ALWAYS, "fastRefunds"),
    ("Mutation", OUTLIVES, "fastRefundAccept"),
    # A supplier's desk is the platform's, whichever shop has sold the goods.
    ("Mutation", ALWAYS, "manualBegin manualDeliver manualCorrectionAsk manualRefuse stockDeclare"),
    ("Mutation", ALWAYS, "skuFormDefine skuDeliveryUpdate supplierListingUpsert"),
    # What was earned outlives the shop, and what stops it is asked where it would be paid.
    ("Query", PAID_OUT, "payouts payoutMethods"),
    ("Query", ALWAYS, "payoutReviews payoutBatches"),
    ("Mutation", ALWAYS, "stepUpStart stepUpConfirm"),
    ("Mutation", PAID_OUT, "payoutMethodSet payoutMethodLink payoutRequest payoutCancel"),
    ("Mutation", ALWAYS, "payoutReview payoutHold payoutStop payoutResume"),
    ("Mutation", ALWAYS, "payoutBatchCreate payoutBatchSend payoutBatchFile payoutBatchResult"),
    ("Mutation", ALWAYS, "disputeEvidenceSubmit disputeDecide chargebackLiabilitySet"),
    # An operator is at some shop's address, and decides about another.
    ("Mutation", ALWAYS, "tenantReview tenantFactsRecord tenantRestrict tenantSuspend"),
    ("Mutation", ALWAYS, "tenantReopen tenantClose tenantTermsSet"),
    ("Query", OUTLIVES, "voucherBatches"),
    ("Mutation", STANDING, "voucherBatchCreate"),
    ("Mutation", SERVED, "voucherBatchBlock voucherBatchVoid voucherRedeem"),
    # The bank is the platform's, at whichever address its operators are.
    ("Query", ALWAYS, "bankLines bankStatement bankRefunds failedRefunds"),
    ("Mutation", ALWAYS, "bankStatementUploadStart paymentMatch bankLineReturn bankRefundSettle"),
    ("Subscription", OUTLIVES, "orderUpdated conversionRecorded"),
    ("Subscription", ACCEPTED, "priceBroken"),
    ("Subscription", SERVED, "lowBalance"),
)

STATES: Final[dict[str, frozenset[TenantStatus]]] = {
    f"{root}.{field}": states for root, states, fields in _ROWS for field in fields.split()
}
_REMEMBERED: Final = 500


def require_state(coordinate: str, status: TenantStatus) -> None:
    """Raise `TenantRestricted` where a root field is not for a shop in this state."""
    if status not in STATES.get(coordinate, frozenset()):
        raise TenantRestricted("This shop does not do that in its state.")


@lru_cache(maxsize=_REMEMBERED)
def is_restricted(fields: frozenset[str], status: TenantStatus) -> bool:
    """Say whether a document asks, beside mutations, for what is not for a shop in this state."""
    return any(
        status not in STATES[field]
        for field in fields
        if field in STATES and not field.startswith("Mutation.")
    )
