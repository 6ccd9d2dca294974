"""What a refusal says in a Chinese shop: its own sentence, else its code's, else English."""

import re
from typing import Final

from kernel.errors import Refusal
from schema.sentences_of_buyers import OF_BUYERS
from schema.sentences_of_shops import OF_SHOPS

_CHINESE = {
    "OUT_OF_STOCK": "库存不足，剩余 {available} 件。",
    "PRICE_CHANGED": "价格已变动，请确认新价格后重试。",
    "QUOTE_EXPIRED": "报价已过期，请重新获取报价。",
    "HOLD_EXPIRED": "支付时间已过，请重新下单。",
    "INSUFFICIENT_BALANCE": "余额不足，请先充值或选择其他支付方式。",
    "TENANT_RESTRICTED": "本店暂停接单，请稍后再试。",
    "IDEMPOTENCY_CONFLICT": "该请求编号已用于其他内容，请使用新的编号。",
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
    "LIMIT_REACHED": "数量已达上限。",
}

_SENTENCES: Final = OF_BUYERS | OF_SHOPS

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
