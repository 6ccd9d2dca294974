"""What accountants and operators are told in Chinese, by the English sentence."""

from typing import Final

OF_ACCOUNTANTS: Final = {
    "A reason has {} to {} printable characters.": "请填写 {} 到 {} 个可显示字符的原因。",
    "A correction has {} to {} moves.": "调账须有 {} 到 {} 笔。",
    "A move is at least one minor unit.": "每笔金额至少为一个最小货币单位。",
    "These moves leave everything as it is.": "各笔相抵，账目没有变化。",
    "Exactly the accounts of a party name one.": "只有往来账户须填写所属方，且必须填写。",
    "There is no such party with an account.": "没有该往来方的账户。",
    "There is no such correction.": "没有该调账申请。",
    "This correction has been decided.": "该调账申请已处理。",
    "Somebody else decides about what you have proposed.": "调账须由另一人复核。",
    "There is no such party.": "没有该往来方。",
    "There is no such statement.": "没有该对账单，或已清理。",
    "There is no such currency.": "没有该币种。",
    "A statement begins before it ends.": "对账单的开始时间须早于结束时间。",
    "A statement is about {} days at most.": "对账单最多覆盖 {} 天。",
    "A statement ends ten minutes ago, or before.": "对账单的结束时间须在十分钟以前。",
    "Too many statements wait to be made.": "等待生成的对账单过多，请稍后再试。",
    "A PDF needs a font with Chinese characters: install fonts-wqy-microhei (Debian), "
    "or name one with KAMENG_PDF_FONT. CSV and XLSX need none.": (
        "生成 PDF 需要中文字体：请安装 Debian 软件包 fonts-wqy-microhei，"
        "或以 KAMENG_PDF_FONT 指定字体。CSV 与 XLSX 无需字体。"
    ),
    "A currency is three capital letters.": "币种为三个大写字母。",
}
