"""What operators are told in Chinese about the books, by the English sentence; `{}` is a number."""

from typing import Final

OF_BOOKS: Final = {
    "Only a day that is over can be reconciled.": "只能对已结束的日期进行对账。",
    "There is no such item.": "没有该差异记录。",
    "This day has not been reconciled.": "该日期尚未对账。",
    "A reason has at most {} characters.": "理由最多 {} 个可见字符。",
    "Whoever decides by hand says why.": "手工处理须填写理由。",
    "This item has been decided otherwise.": "该差异已作其他处理。",
    "Nobody but a person can put this right.": "该差异只能人工处理。",
    "No payment of ours is called like this.": "没有对应的支付记录。",
    "The provider gives no answer.": "渠道没有答复，请稍后再试。",
    "No line of the bank's brings this money.": "没有对应的待处理银行流水。",
    "The provider does not say that it was paid.": "渠道未确认该笔款项已支付。",
    "A threshold cannot be negative.": "上限不能为负数。",
    "No shop sells in this currency.": "没有店铺使用该币种。",
    "Payouts wait until the books have been put right.": "对账差异处理完毕前暂停提现。",
}
