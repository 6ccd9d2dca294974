"""What is said in Chinese about paying in parts, by the English sentence; `{}` is a number, and
keeps its place."""

from typing import Final

OF_INSTALMENTS: Final = {
    "Only a signed-in customer pays in parts.": "登录后才能分期付款。",
    "A part is not paid by this method.": "该支付方式不能用于支付分期。",
    "Nothing is to be paid in parts for this order.": "该订单没有待付的分期。",
    "This shop offers no payment in parts.": "本店不支持分期付款。",
    "This order cannot be paid in parts.": "该订单不支持分期付款。",
    "This order is too small to be paid in parts.": "该订单金额未达到分期下限。",
    "This order is paid in {} to {} parts.": "该订单可分 {} 到 {} 期。",
    "This part comes to another amount.": "本期金额已变动，请确认后重试。",
    "Too many payments were started for this order.": "该订单发起支付次数过多。",
    "These goods are not held any more.": "商品已不再为您保留，请重新下单。",
    "You are paying for as many orders in parts as you may: pay for one of them first.": (
        "您的分期订单数已达上限，请先付清其中一单。"
    ),
    "This order has no plan that is open.": "该订单没有进行中的分期。",
    "All of this order is handed over: refund it instead.": "商品已全部交付，请改为退款。",
    "This is still being paid for in parts: end the plan first.": (
        "该商品仍在分期付款中，请先结束分期。"
    ),
    "A bank decides about a part of this order's price.": "银行正在处理该订单的分期争议。",
    "What is paid in parts is refunded by an operator.": "分期订单的退款由平台处理。",
    "No terms have been agreed on with this shop.": "平台尚未与本店约定分期条件。",
    "This is {} to {}.": "取值范围为 {} 到 {}。",
}
