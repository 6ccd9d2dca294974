"""Where buyers transfer to: the platform's account in each currency, as the settings name it."""

from dataclasses import dataclass
from functools import lru_cache

from kernel.settings import settings


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """An account of the platform's, as it stands on a transfer."""

    holder: str
    bank: str
    number: str


def own_account(currency: str) -> OwnAccount | None:
    """Return the account that takes transfers in a currency; None where there is none."""
    return _accounts(settings().bank_accounts).get(currency)


def has_account() -> bool:
    """Whether the platform has an account in any currency."""
    return bool(_accounts(settings().bank_accounts))


@lru_cache(maxsize=4)
def _accounts(text: str) -> dict[str, OwnAccount]:
    """Read `CNY=holder|bank|number;…`. Raises `ValueError` for anything else."""
    accounts = {}
    for item in filter(None, (part.strip() for part in text.split(";"))):
        currency, _, rest = item.partition("=")
        parts = [part.strip() for part in rest.split("|")]
        if len(parts) != 3 or not all(parts):
            raise ValueError("a bank account is `CNY=holder|bank|number`")
        accounts[currency.strip()] = OwnAccount(*parts)
    return accounts
