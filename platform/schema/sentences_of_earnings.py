"""What is said in Chinese about refunds and earnings, by the English sentence; `{}` is a number,
and keeps its place."""

from typing import Final

OF_EARNINGS: Final = {
    "Only a customer has a wallet.": "只有注册客户才能退款到余额。",
    "All of this order was given back.": "该订单已全部退款。",
    "A refund names each line once, and one at least.": "退款须至少包含一项，且每项只能出现一次。",
    "A refund names lines, or a reason for all of them.": "请指定退款明细，或为整单填写同一原因。",
    "At most {} lines at once.": "每次最多 {} 项。",
    "A term is {} to {} hours.": "期限为 {} 到 {} 小时。",
    "Only one supplier is trusted at a time.": "核销提前到账只能为单个供应商设置。",
    "There is no such party.": "未找到该收益方。",
    "There is no such batch.": "未找到该批次。",
    "A penalty is {} to {} basis points.": "罚金比例为 {} 到 {} 基点。",
    "This begins in the future.": "起始时间不能晚于现在。",
    "The buyers of this batch are paid back on other terms.": "该批次已按其他条件开始赔付。",
}
