"""What is said in Chinese of money by bank, by the English sentence; `{}` is a number or a
currency, and keeps its place."""

from typing import Final

OF_BANK: Final = {
    "Only a signed-in customer pays by bank transfer.": "仅登录用户可使用银行转账。",
    "These keys cannot be held for a transfer.": "该卡密不支持为银行转账保留。",
    "A shop takes one way to pay at least.": "店铺至少保留一种支付方式。",
    "This payment method does not take this currency.": "该支付方式不支持店铺币种。",
    "This bank line does not wait any more.": "该银行流水已处理。",
    "There is no such bank line.": "没有该银行流水。",
    "There is no such payment.": "没有该付款。",
    "There is no such bank statement.": "没有该银行对账单。",
    "There is no such refund.": "没有该退款。",
    "This payment is not by bank transfer.": "该付款不是银行转账。",
    "This payment has its money: return the line, or credit the wallet.": (
        "该付款已到账，请退回此流水或转入余额。"
    ),
    "No customer has opened this payment.": "该付款不属于注册顾客。",
    "This wallet is in {}.": "该余额的币种为 {}。",
    "This refund has been decided.": "该退款已处理。",
    "No customer's wallet can take this: send it.": "没有可转入的顾客余额，请汇出。",
    "This transfer is among the bank's lines: match it there.": "该转账已在银行流水中，请匹配。",
    "Too many statements wait for their import.": "等待导入的对账单过多。",
    "A statement's first line names its columns.": "对账单的首行须为列名。",
    "A statement has at most {} lines.": "对账单最多 {} 行。",
    "A statement is a CSV file, in Unicode.": "对账单须为 UTF-8 编码的 CSV 文件。",
    "A statement has {} to {} bytes.": "对账单大小为 {} 到 {} 字节。",
}
