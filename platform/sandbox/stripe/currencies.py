"""Which currencies the account takes, their smallest charge, and how an amount is written."""

ZERO_DECIMAL = frozenset({"jpy", "krw", "vnd"})

THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})

SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | {
    "aud", "brl", "cad", "chf", "cny", "eur", "gbp", "hkd", "idr", "inr",
    "mop", "myr", "nzd", "php", "sgd", "thb", "twd", "usd",
}  # fmt: skip

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM_CHARGE_MINOR = {
    "aud": 50, "brl": 50, "cad": 50, "chf": 50, "eur": 50, "gbp": 30, "hkd": 400,
    "inr": 50, "jpy": 50, "myr": 200, "nzd": 50, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip

MAXIMUM_CHARGE_MINOR = 99_999_999


def written(*, amount_minor: int, currency: str) -> str:
    """Write an amount for people: `12.34 CNY`, `500 JPY`."""
    if currency in ZERO_DECIMAL:
        return f"{amount_minor:,} {currency.upper()}"
    if currency in THREE_DECIMAL:
        return f"{amount_minor // 1000:,}.{amount_minor % 1000:03d} {currency.upper()}"
    return f"{amount_minor // 100:,}.{amount_minor % 100:02d} {currency.upper()}"


def is_countable(*, amount_minor: int, currency: str) -> bool:
    """Whether the account counts such an amount: of three decimals the last is 0."""
    return currency not in THREE_DECIMAL or amount_minor % 10 == 0
