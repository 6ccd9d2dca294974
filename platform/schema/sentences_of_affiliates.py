"""What shops and their affiliates are told in Chinese, by the English sentence; `{}` is a number,
and keeps its place."""

from typing import Final

OF_AFFILIATES: Final = {
    "There is no such program.": "没有该推广计划。",
    "There is no such affiliate.": "没有该推广员。",
    "There are no such goods.": "没有该商品。",
    "A shop has at most {} programs.": "每个店铺最多 {} 个推广计划。",
    "A rate stands twice.": "佣金规则重复。",
    "A rate is {} to {} basis points.": "佣金比例为 {} 到 {} 基点。",
    "A rate is a part of the price, or an amount a piece.": "请填写佣金比例或每件金额之一。",
    "A rate is for a SKU, a category or a tier.": "佣金规则须针对一个规格、分类或会员等级。",
    "At most {} rates.": "最多 {} 条佣金规则。",
    "All tiers together earn {} to {} basis points, the nearer ones first.": (
        "各级佣金合计为 {} 到 {} 基点，且须先设下级。"
    ),
    "A code has {} to {} letters a to z and digits.": "推广码为 {} 到 {} 个小写字母或数字。",
    "This code is taken.": "该推广码已被使用。",
    "You are an affiliate of this shop already.": "您已是本店的推广员。",
    "You are no affiliate of this shop.": "您还不是本店的推广员。",
    "This affiliate cannot become that.": "该推广员的状态不能这样变更。",
    "A sub-id has at most {} letters, digits, points, hyphens and underscores.": (
        "渠道标识最多 {} 个字母、数字、点、连字符或下划线。"
    ),
    "A report is of {} to {} days.": "报表周期为 {} 到 {} 天。",
    "There is no such review.": "没有该审核记录。",
    "A review is cleared or upheld.": "审核结果须为放行或维持。",
    "Somebody has decided about it.": "该审核已有结果。",
    "An appeal is made once, before it is cleared.": "放行前可申诉一次。",
    "A text has {} to {} printable characters.": "内容为 {} 到 {} 个可见字符。",
    "An affiliate has at most {} links.": "每位推广员最多 {} 个链接。",
}
