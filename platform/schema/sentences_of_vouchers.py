"""What is said in Chinese of vouchers, by the English sentence; `{}` is a number, and keeps its
place."""

from typing import Final

OF_VOUCHERS: Final = {
    "There is no such voucher.": "兑换码不存在。",
    "This voucher is for another shop.": "该兑换码不能在本店使用。",
    "This voucher has been redeemed.": "该兑换码已被使用。",
    "This voucher has ended.": "该兑换码已过期。",
    "This voucher cannot be redeemed yet.": "该兑换码尚未到可用时间。",
    "This voucher is stopped: ask the shop.": "该兑换码已暂停使用，请联系店铺。",
    "This voucher is in another currency.": "该兑换码的币种与本店不同。",
    "You have redeemed as many of these vouchers as you may.": "您已达到该兑换码的兑换上限。",
    "There is no such batch of vouchers.": "没有该批次的兑换码。",
    "This batch is over.": "该批次已结束。",
    "A name has {} to {} printable characters.": "名称为 {} 到 {} 个字符。",
    "A voucher is worth {} to {} minor units.": "兑换码面值为 {} 到 {} 个最小货币单位。",
    "A batch has {} to {} codes.": "每批为 {} 到 {} 个兑换码。",
    "A batch ends after it begins, in the future, and within three years.": (
        "结束须晚于开始，在未来三年之内。"
    ),
    "A customer redeems {} to {} codes.": "每位顾客可兑换 {} 到 {} 个。",
    "A shop has at most {} batches that are not over.": "每个店铺最多有 {} 个未结束的批次。",
}
