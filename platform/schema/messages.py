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


# By the English sentence; `{}` is a number or a currency, and keeps its place.
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
    "This token has ended, or is not for this shop: sign in again.": "登录已失效，请重新登录。",
    "Nobody is signed in.": "当前未登录。",
    "A name has at most {} printable characters.": "名称最多 {} 个可见字符。",
    "The same goods stand in two lines: add them up.": "同一商品请合并为一行。",
    "A form has at most {} fields.": "每张表单最多 {} 项。",
    "Each field of a form has a name of its own.": "表单各项的名称不能重复。",
    "A field's name has small letters, digits and _.": "字段名由小写字母、数字和下划线组成。",
    "A field's words have at most {} characters.": "字段文字最多 {} 个字符。",
    "A value has {} to {} characters.": "内容为 {} 到 {} 个字符。",
    "The least is at most the most.": "下限不能大于上限。",
    "A choice is among {} to {}.": "选项为 {} 到 {} 个。",
    "Only an account number follows a pattern.": "只有账号类字段可以设置格式。",
    "This pattern cannot be used: see the documentation.": "该格式不可用，请查看文档。",
    "This form has no such field.": "表单中没有这一项。",
    "This field must be filled in.": "此项必填。",
    "Choose one of those that are offered.": "请从给出的选项中选择。",
    "This field has {} to {} characters.": "此项为 {} 到 {} 个字符。",
    "This field has printable characters only.": "此项只能填写可见字符。",
    "This is not such an account number.": "账号格式不正确。",
    "This is not a whole number.": "请填写整数。",
    "The number is at least {}.": "数字不能小于 {}。",
    "The number is at most {}.": "数字不能大于 {}。",
    "This order has nothing that asks for that.": "订单中没有需要填写这些内容的商品。",
    "A saved text has {} to {} printable characters.": "常用信息为 {} 到 {} 个可见字符。",
    "There is no such saved contact.": "没有这条常用信息。",
    "A cart has at most {} lines.": "购物车最多 {} 行商品。",
    "One to {} lines at once.": "每次为 1 到 {} 行。",
    "There is no such cart any more.": "购物车已失效。",
    "There is no such line in this cart.": "购物车中没有这一项。",
    "An order has {} to {} lines.": "每单为 {} 到 {} 行商品。",
    "An order has at most {} pieces.": "每单最多 {} 件。",
    "Only goods that are delivered automatically can be ordered.": "目前只能购买自动发货的商品。",
    "An idempotency key has {} to {} characters, best a random UUID.": (
        "请求编号为 {} 到 {} 个字符，建议使用随机 UUID。"
    ),
    "This payment method is not offered.": "不支持该支付方式。",
    "This payment was given up meanwhile.": "该支付已取消。",
    "Too many payments were started: make a new order.": "发起支付次数过多，请重新下单。",
    "Only a signed-in customer has a wallet.": "登录后才能使用余额。",
    "The wallet's part is between nothing and the total.": "余额支付金额须在 0 与订单总额之间。",
    "This shop sells in {}.": "本店以 {} 计价。",
    "This order is not paid: there is nothing to give back.": "订单尚未支付，没有可退的款项。",
    "A refund is at least one minor unit.": "退款金额至少为一个最小货币单位。",
    "The refund is larger than what is left of the line.": "退款金额超过该项的可退金额。",
    "The refund is larger than what is left of the payment.": "退款金额超过该笔支付的可退金额。",
    "The shop has not earned as much: an operator decides.": "本店收益不足，请交由平台处理。",
    "An operator decides whose fault it was.": "责任方由平台认定。",
    "At most {} ids.": "最多 {} 个编号。",
    "A page has {} to {} rows.": "每页为 {} 到 {} 条。",
    "This cursor is not of this list.": "该游标不属于此列表。",
    "Ask for a product by its slug or by its id.": "请用 slug 或 id 之一查询商品。",
    "an amount is a whole number of minor units": "金额须为最小货币单位的整数。",
    "amount outside ±({}**{} - {}) minor units": "金额超出允许范围。",
    "a quantity cannot be negative: {}": "数量不能为负数。",
    "not an ISO {} currency with minor units": "不支持该币种。",
}
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
