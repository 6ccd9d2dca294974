"""What a refusal says in a Chinese shop: its own sentence, else its code's, else English."""

import re
from typing import Final

from kernel.errors import Refusal

_CHINESE = {
    "OUT_OF_STOCK": "库存不足，剩余 {available} 件。",
    "PRICE_CHANGED": "价格已变动，请确认新价格后重试。",
    "QUOTE_EXPIRED": "报价已过期，请重新获取报价。",
    "HOLD_EXPIRED": "支付时间已过，请重新下单。",
    "INSUFFICIENT_BALANCE": "余额不足，请先充值或选择其他支付方式。",
    "TENANT_RESTRICTED": "本店暂停接单，请稍后再试。",
    "IDEMPOTENCY_CONFLICT": "该请求编号已用于其他内容，请使用新的编号。",
    "ALREADY_REVEALED": "卡密已查看，不能退回。",
    "MARGIN_NEGATIVE": "该价格无法覆盖成本，暂不能下单。",
    "PRICE_FLOOR_VIOLATION": "价格超出限定的最低价或最高价。",
    "MARKUP_CAP_EXCEEDED": "加价超过允许的上限。",
    "RATE_LIMITED": "尝试次数过多，请稍后再试。",
    "FORBIDDEN": "没有权限执行此操作。",
    "NOT_FOUND": "未找到相应内容。",
    "DOMAIN_NOT_PROVED": "域名尚未通过验证。",
    "WRONG_CREDENTIALS": "账号或密码错误。",
    "ACCOUNT_FROZEN": "账号已冻结，请联系客服。",
    "ADDRESS_REFUSED": "该地址不能调用。",
    "LIMIT_REACHED": "数量已达上限。",
}


# By the English sentence; `{}` is a number or a currency, and keeps its place.
_SENTENCES: Final = {
    "This is not an e-mail address.": "邮箱格式不正确。",
    "This is not a phone number.": "手机号格式不正确。",
    "An account needs an e-mail address or a phone number.": "请填写邮箱或手机号。",
    "An account cannot be opened with these details.": "无法用该邮箱或手机号注册。",
    "A password has {} to {} characters.": "密码长度为 {} 到 {} 个字符。",
    "The account or the password is wrong.": "账号或密码错误。",
    "Too many attempts. Try again in {} minute.": "尝试次数过多，请 {} 分钟后再试。",
    "Too many attempts. Try again in {} minutes.": "尝试次数过多，请 {} 分钟后再试。",
    "A contact has {} to {} printable characters.": "联系方式为 {} 到 {} 个可见字符。",
    "This account cannot order at the moment.": "该账号暂时无法下单。",
    "Pay or cancel the orders that are open first.": "请先支付或取消未完成的订单。",
    "At most {} pieces an order.": "每单最多购买 {} 件。",
    "A line has {} to {} pieces.": "购买数量为 {} 到 {} 件。",
    "This shop does not sell that.": "本店不出售该商品。",
    "This offer has ended.": "该报价已下架，请重新选择。",
    "This shop does not take that payment method.": "本店不支持该支付方式。",
    "The payment channel does not answer: try again, or choose another method.": (
        "支付渠道没有响应，请重试或更换支付方式。"
    ),
    "The payment channel refused: choose another method.": "支付渠道拒绝了请求，请更换支付方式。",
    "This order is not waiting for a payment.": "该订单当前无需支付。",
    "This order is paid: ask for a refund instead.": "该订单已支付，请申请退款。",
    "This order has no keys yet: it is not paid.": "订单尚未支付，暂无卡密。",
    "There is no such key in this order.": "该订单中没有这张卡密。",
    "There is no such line in this order.": "该订单中没有这一项。",
    "At least one key comes back.": "至少退回一张卡密。",
    "A top-up is between {} and {} minor units.": "充值金额超出允许范围。",
    "This token has ended, or is not for this shop: sign in again.": "登录已失效，请重新登录。",
    "Nobody is signed in.": "当前未登录。",
    "A name has at most {} printable characters.": "名称最多 {} 个可见字符。",
    "The same goods stand in two lines: add them up.": "同一商品请合并为一行。",
    "An order has {} to {} lines.": "每单为 {} 到 {} 行商品。",
    "An order has at most {} pieces.": "每单最多 {} 件。",
    "Only goods that are delivered automatically can be ordered.": "目前只能购买自动发货的商品。",
    "An idempotency key has {} to {} characters, best a random UUID.": (
        "请求编号为 {} 到 {} 个字符，建议使用随机 UUID。"
    ),
    "This payment method is not offered.": "不支持该支付方式。",
    "This payment was given up meanwhile.": "该支付已取消。",
    "Too many payments were started: make a new order.": "发起支付次数过多，请重新下单。",
    "Only a signed-in customer has a wallet.": "登录后才能使用余额。",
    "The wallet's part is between nothing and the total.": "余额支付金额须在 0 与订单总额之间。",
    "This shop sells in {}.": "本店以 {} 计价。",
    "This order is not paid: there is nothing to give back.": "订单尚未支付，没有可退的款项。",
    "A refund is at least one minor unit.": "退款金额至少为一个最小货币单位。",
    "The refund is larger than what is left of the line.": "退款金额超过该项的可退金额。",
    "The refund is larger than what is left of the payment.": "退款金额超过该笔支付的可退金额。",
    "The shop has not earned as much: an operator decides.": "本店收益不足，请交由平台处理。",
    "An operator decides whose fault it was.": "责任方由平台认定。",
    "A purchase has {} to {} lines.": "每次采购为 {} 到 {} 行商品。",
    "A purchase has {} to {} pieces.": "每次采购为 {} 到 {} 件。",
    "Say what each piece, or all of it, may cost at most.": "请填写单件或总额的最高进价。",
    "A reference has {} to {} printable characters.": "编号为 {} 到 {} 个可见字符。",
    "This shop is paid outside of the platform.": "本店由商家自行收款，暂不在此支付。",
    "The shop has bought this itself.": "这是本店自己的进货单，不能以人情退款。",
    "An amount is between {} and {} minor units.": "金额超出允许范围。",
    "There is no such shop directly below this one.": "没有这个直属下级。",
    "The platform's own shop is paid by the platform.": "平台自营店只能由平台收款。",
    "A threshold is not negative.": "预警金额不能为负数。",
    "Another purchase has this reference: ask for it by the reference.": (
        "该编号已用于另一张进货单，请用编号查询。"
    ),
    "This bank transfer has been credited before.": "该笔银行转账已入账。",
    "This token does not speak for the shop's money.": "没有权限查看本店资金。",
    "At most {} ids.": "最多 {} 个编号。",
    "A page has {} to {} rows.": "每页为 {} 到 {} 条。",
    "This cursor is not of this list.": "该游标不属于此列表。",
    "Ask for a product by its slug or by its id.": "请用 slug 或 id 之一查询商品。",
    "The price would not cover the cost and the least margin.": "该价格无法覆盖成本与最低利润。",
    "The prices were changed meanwhile: try again.": "价格刚被他人修改，请重试。",
    "There is no such price rule.": "未找到该价格规则。",
    "There is nobody there whom this price could be for.": "未找到该价格的适用对象。",
    "There is no such shop below this one.": "未找到该下级分站。",
    "There is no such SKU.": "未找到该商品规格。",
    "There is no such category.": "未找到该分类。",
    "There is no such grade.": "未找到该代理等级。",
    "There is no such tier.": "未找到该会员等级。",
    "There is no such customer.": "未找到该客户。",
    "There is no such promotion.": "未找到该促销活动。",
    "There is no such upload.": "未找到上传的文件。",
    "Another rule is for the same goods and people at that time.": (
        "同一时间段内已有相同商品和对象的价格规则。"
    ),
    "A shop has at most {} price rules.": "每个店铺最多 {} 条价格规则。",
    "A shop has at most {} grades.": "每个店铺最多 {} 个代理等级。",
    "A shop has at most {} promotions.": "每个店铺最多 {} 个促销活动。",
    "A promotion is for {} to {} SKUs.": "促销活动包含 {} 到 {} 个商品规格。",
    "A promotion ends after it starts.": "促销结束时间须晚于开始时间。",
    "A promotion's rule is for one SKU, for its time.": "促销规则只能针对单个商品规格。",
    "Say for whom, unless the rule is for everyone.": "请指定价格规则的适用对象。",
    "Grades and children buy wholesale, tiers and customers retail.": (
        "代理等级和下级适用拿货价，会员等级和客户适用零售价。"
    ),
    "A rule's value is out of range.": "价格规则的数值超出范围。",
    "This kind of rule takes another value.": "该类价格规则的数值不正确。",
    "A fixed price is for one SKU.": "固定价格只能针对单个商品规格。",
    "A price is rounded to {}, {}, {} or {} units.": "取整单位须为 {}、{}、{} 或 {}。",
    "Name the SKU or the category that the rule is for.": "请指定规则适用的商品规格或分类。",
    "A quantity break is {} to {} pieces.": "起购数量为 {} 到 {} 件。",
    "A quantity break is for one SKU.": "数量阶梯只能针对单个商品规格。",
    "A rule ends after it starts.": "规则结束时间须晚于开始时间。",
    "A secret price is for one child or for one customer.": "密价须指定一个下级或一个客户。",
    "A least margin is out of range.": "最低利润超出范围。",
    "A floor or ceiling is at least one minor unit.": "限价至少为一个最小货币单位。",
    "The floor is above the ceiling.": "最低价高于最高价。",
    "A rank is {} to {}.": "等级序号为 {} 到 {}。",
    "An opening fee is out of range.": "开通费超出范围。",
    "Another grade has this name or rank.": "已有相同名称或序号的代理等级。",
    "A title has at most {} printable characters.": "标题最多 {} 个可见字符。",
    "{} to {} listings at once.": "一次可修改 {} 到 {} 个商品。",
    "The same SKU stands there twice.": "同一商品规格重复出现。",
    "Explain for a child, a tier or a customer.": "请只指定下级、会员等级或客户之一。",
    "A time names its zone, best UTC: {}-{}-{}T{}:{}:{}Z.": "时间须包含时区，建议使用 UTC。",
    "This address has ended: ask for a new one.": "该链接已失效，请重新获取。",
    "Too many price lists wait for their import.": "待导入的价格表过多。",
    "The file is empty.": "文件为空。",
    "The file has no heading.": "文件缺少表头。",
    "A file has at most {} MB.": "文件最大 {} MB。",
    "A file has at most {} rows.": "文件最多 {} 行。",
    "A row has at most {} cells.": "每行最多 {} 列。",
    "A cell has at most {} characters.": "单元格最多 {} 个字符。",
    "This workbook unpacks to more than a price list needs.": "该工作簿内容过大。",
    "This is not an XLSX workbook.": "该文件不是 XLSX 工作簿。",
    "Two columns have the same heading.": "表头中有重复的列。",
    "A CSV file is UTF-{} text.": "CSV 文件须使用 UTF-{} 编码。",
    "Line {} is not CSV.": "第 {} 行不是有效的 CSV。",
    "Write the address as https://name.example/path, in small plain letters.": (
        "地址须写成 https://name.example/path 的形式，只用小写英文字母。"
    ),
    "This address is not public.": "该地址不是公网地址。",
    "This port is not called.": "不允许使用该端口。",
    "There is no address behind this name.": "该域名没有可用的地址。",
    "There are {} webhooks: delete one first.": "已有 {} 个 webhook，请先删除一个。",
    "Name at least one kind of event.": "请至少选择一种事件。",
    "Name each kind of event once.": "每种事件只需选择一次。",
    "A description has at most {} printable characters.": "说明最多 {} 个可见字符。",
    "There is no such webhook.": "没有这个 webhook。",
    "There is no such webhook delivery.": "没有这条 webhook 投递记录。",
    "Name a delivery or a webhook, one of the two.": "请指定一条投递记录或一个 webhook，二选一。",
    "A time needs its zone.": "时间须带时区。",
    "an amount is a whole number of minor units": "金额须为最小货币单位的整数。",
    "amount outside ±({}**{} - {}) minor units": "金额超出允许范围。",
    "a quantity cannot be negative: {}": "数量不能为负数。",
    "This shop does not do that in its state.": "店铺当前状态下不能执行此操作。",
    "The shop's prices have just changed: ask for a new price.": "价格刚刚变动，请重新报价。",
    "The tenant's state does not allow this.": "店铺当前状态不允许此操作。",
    "Somebody else makes this change.": "此操作须由他人执行。",
    "There is no such tenant.": "没有该店铺。",
    "There is no such domain.": "没有该域名。",
    "A reason has at most {} characters.": "理由最多 {} 个字符。",
    "A deposit is between {} and {} minor units.": "保证金金额超出允许范围。",
    "No shop can be opened here at the moment.": "目前不能在此开设分站。",
    "No shop may stand below this one.": "本店下不能再开设分站。",
    "Too many applications are waiting here: try again later.": "待审核的申请过多，请稍后再试。",
    "This name is taken.": "该名称已被占用。",
    "A shop's name in its address has {} to {} letters a-z, digits and hyphens.": (
        "店铺网址名称须为 {} 到 {} 个小写字母、数字或连字符。"
    ),
    "An invitation is good for {} to {} days.": "邀请有效期为 {} 到 {} 天。",
    "At most {} invitations are open at a time.": "最多同时有 {} 个未使用的邀请。",
    "This invitation is not good, or no more.": "邀请无效或已失效。",
    "The tree may not grow so deep here, or is deeper already.": "层级深度超出允许范围。",
    "A depth is between {} and {}.": "层级深度为 {} 到 {}。",
    "This is not a host name.": "域名格式不正确。",
    "This host is the platform's own.": "该域名属于平台。",
    "Nobody can own this host.": "该域名不能使用。",
    "A part of this host mixes scripts.": "域名的同一段不能混用不同文字。",
    "A shop has at most {} domains.": "每店最多 {} 个域名。",
    "The DNS of this host does not answer: try again later.": "该域名的 DNS 没有响应，请稍后再试。",
    "The DNS of this host does not have the record yet.": "该域名的 DNS 中还没有验证记录。",
    "The DNS was asked a moment ago: try again in a few seconds.": "刚刚查询过，请几秒后再试。",
    "Only a proved domain can be the shop's address.": "只有通过验证的域名才能设为主域名。",
    "The shop keeps its address below the platform's.": "平台分配的域名不能删除。",
    "This host needs no proof.": "该域名无需验证。",
    "This host leads to another shop, or did so until lately.": "该域名属于其他店铺。",
    "not an ISO {} currency with minor units": "不支持该币种。",
    "A name has {} to {} printable characters.": "名称为 {} 到 {} 个可见字符。",
    "A member needs a role.": "成员至少需要一个角色。",
    "At most {} roles.": "最多 {} 个角色。",
    "At most {} scopes.": "最多 {} 个权限范围。",
    "At most {} members and invitations.": "成员与邀请合计最多 {} 个。",
    "At most {} API clients.": "最多 {} 个 API 客户端。",
    "This person is a member already: set the roles.": "对方已是成员，请直接修改角色。",
    "This invitation has ended: ask for a new one.": "邀请已失效，请重新获取邀请。",
    "This was changed at the same moment: try again.": "内容刚刚被修改，请重试。",
    "This login is frozen. The platform's support can help.": "该账号已冻结，请联系平台客服。",
    "You do not have the right to do this any more.": "你已没有执行此操作的权限。",
    "Nobody gives or takes rights beyond their own.": "不能授予或收回超出自己权限的权利。",
    "A shop keeps an owner: make somebody else an owner first.": (
        "店铺至少保留一位店主，请先指定其他店主。"
    ),
    "There is no such member.": "没有这位成员。",
    "There is no such invitation.": "没有这个邀请。",
    "There is no such API client.": "没有这个 API 客户端。",
    "An API client needs a scope, and only scopes there are.": "请选择有效的权限范围。",
    "A secret is good for {} to {} days.": "密钥有效期为 {} 到 {} 天。",
    "An overlap is {} to {} hours.": "新旧密钥并存时间为 {} 到 {} 小时。",
    "Name {} to {} networks, or none at all for every network.": (
        "请填写 {} 到 {} 个网段；不限制来源时请留空此项。"
    ),
    "This is not a network of IP addresses.": "IP 网段格式不正确。",
    "Leave the networks out for a client that calls from everywhere.": (
        "不限制来源时请不要填写网段。"
    ),
    "This is not an https address of a public host.": "请填写公开主机的 https 地址。",
    "These colours are too close to each other to be read.": "颜色对比度不足，文字无法看清。",
    "A colour is written as # and its hexadecimal digits.": "颜色须为 # 加六位十六进制数字。",
    "This text has at most {} characters.": "该文本最多 {} 个字符。",
    "A name is one line.": "名称只能有一行。",
    "A text has at most {} links, and only to https addresses.": (
        "文本最多 {} 个链接，且只能是 https 地址。"
    ),
    "A text has no invisible characters, and none that turn the others round.": (
        "文本不能包含不可见字符或改变文字方向的字符。"
    ),
    "At most {} contacts.": "最多 {} 个联系方式。",
    "This is no contact of its kind.": "联系方式格式不正确。",
    "At most {} texts.": "最多 {} 段文本。",
    "A text is named once.": "同一文本只能提交一次。",
}
#: A number, or a currency.
_KEEPS_ITS_PLACE: Final = re.compile(r"[0-9]+|(?<= in )[A-Z]{3}\b")


def in_chinese(refusal: Refusal) -> str:
    """Say the refusal in Chinese, with its numbers."""
    sentence = _SENTENCES.get(_KEEPS_ITS_PLACE.sub("{}", refusal.message))
    if sentence is not None:
        return sentence.format(*_KEEPS_ITS_PLACE.findall(refusal.message))
    text = _CHINESE.get(refusal.code)
    if text is None:
        return refusal.message
    if "{available}" in text and "available" not in refusal.details:
        return refusal.message
    return text.format(**refusal.details)
