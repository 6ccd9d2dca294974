"""Rows about money out: second confirmations, payouts, and the desk that decides about them."""

from typing import Final

from schema.field_table.roles import OPERATORS, PAID_PARTIES

_CONFIRM: Final = PAID_PARTIES | OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", PAID_PARTIES, "payouts payoutMethods"),
    ("Query", OPERATORS, "payoutReviews payoutBatches"),
    ("Mutation", _CONFIRM, "stepUpStart stepUpConfirm"),
    ("Mutation", PAID_PARTIES, "payoutMethodSet payoutMethodLink payoutRequest payoutCancel"),
    ("Mutation", OPERATORS, "payoutReview payoutHold payoutStop payoutResume"),
    ("Mutation", OPERATORS, "payoutBatchCreate payoutBatchSend payoutBatchFile payoutBatchResult"),
    ("StepUpStarted", _CONFIRM, "challengeId means expiresAt"),
    ("StepUpConfirmed", _CONFIRM, "proof expiresAt"),
    ("PayoutMethod", PAID_PARTIES, "id kind currency bank lastFour ready requirements createdAt"),
    ("PayoutMethod", PAID_PARTIES, "usableAt endedAt"),
    ("PayoutMethodSet", PAID_PARTIES, "method onboardingUrl"),
    ("Payout", _CONFIRM, "id methodId amount fee state requestedAt changedAt"),
    ("PayoutConnection", PAID_PARTIES, "edges pageInfo"),
    ("PayoutEdge", PAID_PARTIES, "cursor node"),
    ("PayoutChanged", PAID_PARTIES, "payout"),
    ("PayoutReview", OPERATORS, "payout partyId methodKind reasons approvalsNeeded attempt note"),
    ("PayoutReview", OPERATORS, "batchId"),
    ("PayoutReviewConnection", OPERATORS, "edges pageInfo"),
    ("PayoutReviewEdge", OPERATORS, "cursor node"),
    ("PayoutsReviewed", OPERATORS, "reviews"),
    ("PayoutStopChanged", OPERATORS, "stopped"),
    ("PayoutBatch", OPERATORS, "id day number method sentAt payouts paid amount net fileSha256"),
    ("PayoutBatchConnection", OPERATORS, "edges pageInfo"),
    ("PayoutBatchEdge", OPERATORS, "cursor node"),
    ("PayoutBatchChanged", OPERATORS, "batch"),
    ("PayoutBatchFile", OPERATORS, "url sha256 expiresAt"),
)
