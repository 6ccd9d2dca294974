"""Promotions: coupons with a named payer, their codes, uses and budgets, and what they take off."""
