"""What an entry of a statement was, in words."""

from typing import Final

#: By the kind of the ledger's transaction: Chinese and English.
KINDS: Final[dict[str, tuple[str, str]]] = {
    "SALE": ("销售", "Sale"),
    "E2_DELIVERY": ("交付", "Delivery"),
    "E6_MATURITY": ("结算到账", "Matured"),
    "E7_REFUND": ("退款", "Refund"),
    "E8_FAST_REFUND": ("极速退款", "Fast refund"),
    "E8_UPHELD": ("极速退款成立", "Fast refund upheld"),
    "E8_REJECTED": ("极速退款驳回", "Fast refund rejected"),
    "E9_REPLACEMENT": ("换货", "Replacement"),
    "E10_DISPUTE_OPENED": ("拒付争议开立", "Dispute opened"),
    "E10_DISPUTE_WON": ("拒付争议胜诉", "Dispute won"),
    "E10_DISPUTE_LOST": ("拒付争议败诉", "Dispute lost"),
    "E10_BALANCE_TAKEN": ("拒付扣款", "Taken by a dispute"),
    "E10_BALANCE_RETURNED": ("拒付扣款退回", "Given back after a dispute"),
    "E11_TOP_UP": ("缴纳保证金", "Deposit paid"),
    "E11_BANK": ("保证金银行入账", "Deposit paid by bank"),
    "E11_PUT_DOWN": ("以收益补缴保证金", "Deposit out of earnings"),
    "E11_HOLD": ("保证金冻结", "Deposit held"),
    "E11_RELEASE": ("保证金解冻", "Deposit released"),
    "E11_DEDUCT": ("保证金扣除", "Deposit deducted"),
    "E11_LEAVE": ("保证金退还", "Deposit given back"),
    "E13": ("迟到付款", "Late payment"),
    "E14_FEE": ("分期手续费", "Fee of instalments"),
    "E14_PART": ("分期还款", "Instalment paid"),
    "E14_WRITTEN_OFF": ("分期欠款核销", "Instalments written off"),
    "E14_DEFAULT": ("分期违约", "Instalments not paid"),
    "E15_PENALTY": ("违规处罚", "Penalty"),
    "EARNINGS_HELD": ("收益冻结", "Earnings held"),
    "EARNINGS_RELEASED": ("收益解冻", "Earnings released"),
    "TOP_UP": ("在线充值", "Top-up"),
    "BANK_CREDIT": ("银行入账", "Credited by bank"),
    "TRADE_CREDIT": ("银行充值", "Bank credit"),
    "TRADE_TRANSFER": ("上下级划转", "Transfer between shops"),
    "OPEN_FEE": ("开通费", "Opening fee"),
    "PROMO_TOP_UP": ("营销预算充值", "Budget topped up"),
    "PROMO_HOLD": ("营销预算占用", "Budget held"),
    "PROMO_VOID": ("营销预算释放", "Budget released"),
    "POINTS_EXPIRED": ("积分过期", "Points ended"),
    "POINTS_ADJUSTED": ("积分调整", "Points adjusted"),
    "PAYOUT_RESERVED": ("提现申请", "Payout asked for"),
    "PAYOUT_RELEASED": ("提现取消", "Payout canceled"),
    "PAYOUT_SENT": ("提现打款", "Payout sent"),
    "PAYOUT_CONFIRMED": ("提现到账", "Payout confirmed"),
    "PAYOUT_RETURNED": ("提现退回", "Payout returned"),
    "VOUCHER_FUNDED": ("礼品卡入账", "Voucher paid for"),
    "VOUCHER_REDEEMED": ("礼品卡兑换", "Voucher redeemed"),
    "VOUCHER_UNREDEEMED": ("礼品卡兑换撤回", "Voucher given back"),
    "ADJUSTMENT": ("人工调账", "Correction"),
}
#: What a part of an entry was, where the entry's own kind does not say it.
PARTS: Final[dict[str, tuple[str, str]]] = {
    "CHANNEL_FEE": ("渠道手续费", "Channel's fee"),
    "POINTS": ("赠送积分", "Points given"),
    "DEBT_REPAID": ("收益抵偿欠款", "Earnings repay the debt"),
}
ROLES: Final[dict[str, tuple[str, str]]] = {
    "SUPPLY": ("供货款", "supply"),
    "AGENT_MARGIN": ("代理差价", "margin"),
    "SHOP_MARGIN": ("店铺收益", "shop's share"),
    "AFFILIATE": ("推广佣金", "commission"),
}


def words_of(kind: str, part: str, role: str | None, *, english: bool) -> str:
    """Say what a line of a statement was."""
    said = PARTS.get(part) or KINDS.get(kind) or (kind, kind)
    of_role = ROLES.get(role or "")
    if of_role is None or part in PARTS:
        return said[english]
    return f"{said[1]}, {of_role[1]}" if english else f"{said[0]}（{of_role[0]}）"
