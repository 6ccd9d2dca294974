"""Redeem vouchers and gift cards (兑换码/礼品卡): codes that are money, each for one wallet."""
