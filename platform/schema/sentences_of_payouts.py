"""What parties and operators are told in Chinese about payouts, by the English sentence."""

from typing import Final

OF_PAYOUTS: Final = {
    "Only people who act for a party confirm what they do.": "只有收款方人员可以进行二次验证。",
    "Show the password or the code, one of the two.": "请填写密码或验证码，二选一。",
    "This does not confirm it: it is wrong, or too late.": "验证失败：内容错误或已过期。",
    "Confirm first that it is you.": "请先完成二次验证。",
    "There is no such challenge.": "没有该验证请求。",
    "Say first where you are paid.": "请先设置收款方式。",
    "Payouts wait to go to the place that you have now: cancel them first.": (
        "有提现正等待打入现有账户，请先取消。"
    ),
    "A bank account is written down, and no other.": "仅银行账户需要填写账户信息。",
    "A name at a bank has {} to {} printable characters, and no formula.": (
        "户名和开户行为 {} 到 {} 个可见字符，且不能为公式。"
    ),
    "An account number has {} to {} digits and letters.": "账号为 {} 到 {} 位数字或字母。",
    "There is no account of the channel's to be paid at.": "未设置支付渠道收款账户。",
    "The payment channel does not answer: try again later.": "支付渠道没有响应，请稍后再试。",
    "A payout is at least {} minor units.": "提现金额至少为 {} 个最小货币单位。",
    "The fee would take all of it.": "提现金额不足以支付手续费。",
    "This place is paid in {}.": "该收款方式仅支持 {}。",
    "What is owed to the platform comes first.": "请先结清对平台的欠款。",
    "Nothing is paid out at the moment: an operator decides.": "暂停提现，请联系平台处理。",
    "There is no such payout.": "没有该提现。",
    "There is no such party.": "没有该收款方。",
    "There is no such payout method.": "没有该收款方式。",
    "There is no such payout batch.": "没有该提现批次。",
    "There is no such batch.": "没有该批次。",
    "The payout is looked at already.": "该提现已进入审核，不能取消。",
    "A payout is in another state by now.": "提现状态已变化，请刷新后重试。",
    "{} to {} payouts at once.": "每次处理 {} 到 {} 笔提现。",
    "{} to {} lines, each of another payout.": "每次提交 {} 到 {} 行，且提现不能重复。",
    "You have approved this already: somebody else has to.": "你已审批过，须由他人复核。",
    "Nobody approves a payout of their own.": "不能审批自己申请的提现。",
    "Something speaks against this payout.": "该提现未通过检查。",
    "Nothing is approved for such a batch.": "没有可加入该批次的已审批提现。",
    "This batch was sent.": "该批次已发送。",
    "A file is of a batch for a bank that was sent.": "仅已发送的银行批次有文件。",
    "A payout of this batch has gone on: its file is void.": "批次内提现已变化，文件作废。",
    "A currency has three capital letters.": "币种为三个大写字母。",
}
