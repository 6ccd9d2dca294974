"""What a refusal says in a Chinese shop. A code without an entry keeps its English words."""

from kernel.errors import Refusal

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
    "RATE_LIMITED": "尝试次数过多，请稍后再试。",
    "FORBIDDEN": "没有权限执行此操作。",
    "NOT_FOUND": "未找到相应内容。",
    "WRONG_CREDENTIALS": "账号或密码错误。",
    "ACCOUNT_FROZEN": "账号已冻结，请联系客服。",
}


def in_chinese(refusal: Refusal) -> str:
    """This function will say the refusal in Chinese, with its numbers."""
    text = _CHINESE.get(refusal.code)
    if text is None:
        return refusal.message
    if "{available}" in text and "available" not in refusal.details:
        return refusal.message
    return text.format(**refusal.details)
