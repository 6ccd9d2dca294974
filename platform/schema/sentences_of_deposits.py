"""What sellers and operators are told of deposits in Chinese, by the English sentence."""

from typing import Final

OF_DEPOSITS: Final = {
    "There is no such party.": "没有该供货商或店铺。",
    "The platform's own shop puts nothing down.": "平台自营店无需缴纳保证金。",
    "Say whose deposit it is.": "请指明是谁的保证金。",
    "This deposit is in {}.": "该保证金的币种为 {}。",
    "The deposit does not hold as much.": "可用保证金不足。",
    "This case holds a part of the deposit already.": "该案件已冻结过这笔保证金。",
    "There is no such hold.": "没有该冻结记录。",
    "This hold has ended.": "该冻结已结束。",
    "This is more than is held.": "金额超过已冻结的保证金。",
    "This party has not ended.": "该供货商或店铺尚未终止合作。",
    "What was sold can still be claimed.": "已售商品仍在售后期内。",
    "A case is open.": "仍有未结案件。",
    "A debt is open.": "仍有未偿欠款。",
    "There is no deposit to give back.": "没有可退还的保证金。",
    "A part of the exposure is {} to {} basis points.": "风险敞口系数为 {} 到 {} 基点。",
    "A target is {} to {} basis points.": "目标坏卡率为 {} 到 {} 基点。",
    "The least is more than the most.": "最低金额不能高于最高金额。",
    "The party is of another kind.": "对象类型不符。",
    "The time for a fast refund is over.": "已超过极速退款时限。",
    "There is no such claim.": "没有该极速退款记录。",
    "This claim is decided.": "该极速退款已裁定。",
    "What a shop has bought itself is refunded by an operator.": "店铺自购订单由平台处理退款。",
    "Nothing of this line is left to refund.": "该商品已无可退金额。",
    "Nobody has opened these keys: give them back.": "卡密尚未查看，请直接退回。",
    "All amounts are in one currency.": "所有金额须为同一币种。",
}
