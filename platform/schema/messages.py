"""What a refusal says in a Chinese shop: its own sentence, else its code's, else English."""

import re
from typing import Final

from kernel.errors import Refusal
from schema.sentences_of_accountants import OF_ACCOUNTANTS
from schema.sentences_of_affiliates import OF_AFFILIATES
from schema.sentences_of_bank import OF_BANK
from schema.sentences_of_books import OF_BOOKS
from schema.sentences_of_buyers import OF_BUYERS
from schema.sentences_of_deposits import OF_DEPOSITS
from schema.sentences_of_disputes import OF_DISPUTES
from schema.sentences_of_earnings import OF_EARNINGS
from schema.sentences_of_exchange import OF_EXCHANGE
from schema.sentences_of_instalments import OF_INSTALMENTS
from schema.sentences_of_payouts import OF_PAYOUTS
from schema.sentences_of_shops import OF_SHOPS
from schema.sentences_of_vouchers import OF_VOUCHERS

_CHINESE = {
    "OUT_OF_STOCK": "库存不足，剩余 {available} 件。",
    "PRICE_CHANGED": "价格已变动，请确认新价格后重试。",
    "QUOTE_EXPIRED": "报价已过期，请重新获取报价。",
    "HOLD_EXPIRED": "支付时间已过，请重新下单。",
    "INSUFFICIENT_BALANCE": "余额不足，请先充值或选择其他支付方式。",
    "TENANT_RESTRICTED": "本店暂停接单，请稍后再试。",
    "IDEMPOTENCY_CONFLICT": "该请求编号已用于其他内容，请使用新的编号。",
    "ALREADY_REPLACED": "该卡密已更换。",
    "ALREADY_REVEALED": "卡密已查看，不能退回。",
    "MARGIN_NEGATIVE": "该价格无法覆盖成本，暂不能下单。",
    "PRICE_FLOOR_VIOLATION": "价格超出限定的最低价或最高价。",
    "MARKUP_CAP_EXCEEDED": "加价超过允许的上限。",
    "RATE_LIMITED": "尝试次数过多，请稍后再试。",
    "FORBIDDEN": "没有权限执行此操作。",
    "NOT_FOUND": "未找到相应内容。",
    "DOMAIN_NOT_PROVED": "域名尚未通过验证。",
    "WRONG_CREDENTIALS": "账号或密码错误。",
    "COUPON_NOT_APPLICABLE": "该优惠券不适用于本订单。",
    "COUPON_EXHAUSTED": "该优惠券已用完。",
    "POINTS_NOT_APPLICABLE": "积分不能用于本订单。",
    "ACCOUNT_FROZEN": "账号已冻结，请联系客服。",
    "ADDRESS_REFUSED": "该地址不能调用。",
    "BANK_LINE_USED": "该银行流水已处理。",
    "VOUCHER_NOT_APPLICABLE": "该兑换码不能使用。",
    "PAYMENT_DECLINED": "银行拒绝了这笔付款。",
    "LIMIT_REACHED": "数量已达上限。",
    "PDF_FONT_MISSING": "缺少中文字体，无法生成 PDF。",
    "ALREADY_DECIDED": "已处理，不能重复操作。",
    "STEP_UP_REQUIRED": "请先完成二次验证。",
    "RECEIVABLE_OPEN": "存在未结清的欠款，暂不能提现。",
    "PAYOUT_BLOCKED": "该提现未通过检查。",
    "PAYOUTS_OPEN": "有提现正在处理，暂不能更换收款方式。",
    "WRONG_STATE": "当前状态不能执行此操作。",
    "RATE_MISSING": "该货币没有有效汇率。",
    "RATE_JUMPS": "该汇率与上一次相差过大。",
    "RATE_IS_OLDER": "该货币对已有更新的汇率。",
    "INSTALMENTS_NOT_OFFERED": "该订单不支持分期付款。",
    "CHANNEL_UNAVAILABLE": "支付渠道暂无响应，请稍后再试。",
}

_SENTENCES: Final = (
    OF_ACCOUNTANTS
    | OF_AFFILIATES
    | OF_BANK
    | OF_BOOKS
    | OF_BUYERS
    | OF_DISPUTES
    | OF_EARNINGS
    | OF_EXCHANGE
    | OF_INSTALMENTS
    | OF_PAYOUTS
    | OF_DEPOSITS
    | OF_SHOPS
    | OF_VOUCHERS
)

#: A number, or a currency.
_KEEPS_ITS_PLACE: Final = re.compile(r"[0-9]+|(?<= in )[A-Z]{3}\b")


def in_chinese(refusal: Refusal) -> str:
    """Say the refusal in Chinese, with its numbers."""
    sentence = _SENTENCES.get(_KEEPS_ITS_PLACE.sub("{}", refusal.message))
    if sentence is not None:
        return sentence.format(*_KEEPS_ITS_PLACE.findall(refusal.message))
    text = _CHINESE.get(refusal.code)
    if text is None:
        return refusal.message
    if "{available}" in text and "available" not in refusal.details:
        return refusal.message
    return text.format(**refusal.details)
