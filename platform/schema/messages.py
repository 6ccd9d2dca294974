"""What a refusal says in a Chinese shop: its own sentence, else its code's, else English."""

import re
from typing import Final

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


# What forms meet, by the English sentence; `{}` is a number, and keeps its place.
_SENTENCES: Final = {
    "This is not an e-mail address.": "邮箱格式不正确。",
    "This is not a phone number.": "手机号格式不正确。",
    "An account needs an e-mail address or a phone number.": "请填写邮箱或手机号。",
    "An account cannot be opened with these details.": "无法用该邮箱或手机号注册。",
    "A password has {} to {} characters.": "密码长度为 {} 到 {} 个字符。",
    "The account or the password is wrong.": "账号或密码错误。",
    "Too many attempts. Try again in {} minute.": "尝试次数过多，请 {} 分钟后再试。",
    "Too many attempts. Try again in {} minutes.": "尝试次数过多，请 {} 分钟后再试。",
    "A contact has {} to {} printable characters.": "联系方式为 {} 到 {} 个可见字符。",
    "This account cannot order at the moment.": "该账号暂时无法下单。",
    "Pay or cancel the orders that are open first.": "请先支付或取消未完成的订单。",
    "At most {} pieces an order.": "每单最多购买 {} 件。",
    "A line has {} to {} pieces.": "购买数量为 {} 到 {} 件。",
    "This shop does not sell that.": "本店不出售该商品。",
    "This offer has ended.": "该报价已下架，请重新选择。",
    "This shop does not take that payment method.": "本店不支持该支付方式。",
    "The payment channel does not answer: try again, or choose another method.": (
        "支付渠道没有响应，请重试或更换支付方式。"
    ),
    "The payment channel refused: choose another method.": "支付渠道拒绝了请求，请更换支付方式。",
    "This order is not waiting for a payment.": "该订单当前无需支付。",
    "This order is paid: ask for a refund instead.": "该订单已支付，请申请退款。",
    "This order has no keys yet: it is not paid.": "订单尚未支付，暂无卡密。",
    "There is no such key in this order.": "该订单中没有这张卡密。",
    "There is no such line in this order.": "该订单中没有这一项。",
    "At least one key comes back.": "至少退回一张卡密。",
    "A top-up is between {} and {} minor units.": "充值金额超出允许范围。",
}
_NUMBER: Final = re.compile(r"[0-9]+")


def in_chinese(refusal: Refusal) -> str:
    """This function will say the refusal in Chinese, with its numbers."""
    sentence = _SENTENCES.get(_NUMBER.sub("{}", refusal.message))
    if sentence is not None:
        return sentence.format(*_NUMBER.findall(refusal.message))
    text = _CHINESE.get(refusal.code)
    if text is None:
        return refusal.message
    if "{available}" in text and "available" not in refusal.details:
        return refusal.message
    return text.format(**refusal.details)
