"""What operators are told in Chinese about exchange rates, by the English sentence."""

from typing import Final

OF_EXCHANGE: Final = {
    "A rate is a decimal number, with a point.": "汇率须为带小数点的十进制数。",
    "A rate is larger than zero and has {} digits at most.": "汇率须大于零，且最多 {} 位数字。",
    "A rate is not of the future.": "汇率的时间不能晚于现在。",
    "This rate is too old to price with.": "该汇率已过期，不能用于定价。",
    "This pair has a rate of this moment or of a later one.": "该货币对已有同一时刻或更新的汇率。",
    "This rate is far from the last one: say how far, if it is meant.": (
        "该汇率与上一次相差过大，如确认无误请注明差幅。"
    ),
    "One sets {} to {} rates at once.": "一次可设置 {} 到 {} 个汇率。",
    "A source has {} to {} printable characters.": "来源须为 {} 到 {} 个可显示字符。",
    "A rate is between two currencies.": "汇率须在两种不同的货币之间。",
    "A change is {} to {} basis points.": "差幅须为 {} 到 {} 个基点。",
    "The channel gives back multiples of {}.": "渠道退款金额须为 {} 的整数倍。",
    "What is sent there, less the fee, is a multiple of {}.": (
        "扣除手续费后的金额须为 {} 的整数倍。"
    ),
    "Nobody has said lately what this currency is worth.": "该货币没有有效汇率。",
    "An amount is at least one minor unit.": "金额至少为一个最小货币单位。",
    "Orders have not sold as much of this currency.": "订单未售出这么多该货币。",
}
