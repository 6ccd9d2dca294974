"""What one sandbox account is: its keys, where it lives, and where it reports."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

API_VERSION = "2026-10-28.endive"


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """One account of the sandbox.

    `public_url` is the base of the pages that buyers see. `webhook_url` None means that events
    are recorded but sent nowhere; else it hears of `webhook_events`: types, or `*` for all, as
    Stripe's endpoints do of their enabled events. `state_file` None keeps everything in memory.
    `fee_bp` and `fee_fixed_minor` are the account's price list for payments.
    """

    api_key: str
    webhook_secret: str
    public_url: str
    webhook_url: str | None = None
    webhook_events: frozenset[str] = frozenset({"*"})
    state_file: Path | None = None
    account_id: str = "acct_1SandboxKameng"
    fee_bp: int = 290
    fee_fixed_minor: int = 30

    def hears_of(self, event_type: str) -> bool:
        """Tell whether the account has an endpoint that is told of such events."""
        return self.webhook_url is not None and not self.webhook_events.isdisjoint(
            ("*", event_type)
        )

    def __post_init__(self) -> None:
        """Refuse live keys: real money has no business in a sandbox."""
        if not self.api_key.startswith(("sk_test_", "rk_test_")):
            raise ValueError("the sandbox takes test keys only: sk_test_… or rk_test_…")
        if not self.webhook_secret.startswith("whsec_"):
            raise ValueError("a webhook secret starts with whsec_")


class SandboxSettings(BaseSettings):
    """The same words from the environment, for `python -m sandbox.stripe`."""

    model_config = SettingsConfigDict(env_prefix="KAMENG_SANDBOX_STRIPE_")

    api_key: SecretStr
    webhook_secret: SecretStr
    host: str = "127.0.0.1"
    port: int = Field(default=12111, ge=1, le=65535)
    public_url: str | None = None
    webhook_url: str | None = None
    webhook_events: str = "*"
    """Types with commas between them."""
    state_file: Path | None = None
    account_id: str = "acct_1SandboxKameng"
    fee_bp: int = Field(default=290, ge=0, le=10_000)
    fee_fixed_minor: int = Field(default=30, ge=0)

    def account(self) -> SandboxConfig:
        """Give the account these settings describe."""
        return SandboxConfig(
            api_key=self.api_key.get_secret_value(),
            webhook_secret=self.webhook_secret.get_secret_value(),
            public_url=(self.public_url or f"http://{self.host}:{self.port}").rstrip("/"),
            webhook_url=self.webhook_url or None,
            webhook_events=frozenset(self.webhook_events.split(",")),
            state_file=self.state_file,
            account_id=self.account_id,
            fee_bp=self.fee_bp,
            fee_fixed_minor=self.fee_fixed_minor,
        )
