"""What people are told in Chinese about disputes, by the English sentence."""

from typing import Final

OF_DISPUTES: Final = {
    "The buyer's bank has taken the payment back, and decides about it.": (
        "买家银行已撤回该笔付款，正在裁定中，期间不能操作。"
    ),
    "There is no such dispute.": "没有该争议。",
    "This dispute has its answer, or waits for none any more.": (
        "该争议已提交证据，或已不再受理证据。"
    ),
    "This dispute is over.": "该争议已结束。",
    "A statement has at most {} plain letters.": "说明最多 {} 个可显示字符。",
}
