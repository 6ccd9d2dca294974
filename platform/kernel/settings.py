"""The one place that reads the environment."""

from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of the product, from the environment; `KAMENG_` before most names."""

    model_config = SettingsConfigDict(env_prefix="KAMENG_", extra="ignore", populate_by_name=True)

    environment: Literal["demo", "test", "production"] = "demo"
    data_dir: Path = Path(".kameng")

    database_url: str = Field("", validation_alias="DATABASE_URL")
    """The owner's URL, for migrations and `kameng verify`. The processes put their own roles,
    kameng_shop and kameng_core, into it."""
    redis_url: str = Field("", validation_alias="REDIS_URL")
    role_password: SecretStr = SecretStr("")
    """Of the two application roles; empty: derived from the master secret."""
    read_pool_size: int = 8
    write_pool_size: int = 8

    master_secret: SecretStr = SecretStr("")
    """At least 32 characters. Signing, fingerprint and blind-index keys are derived from it."""
    key_encryption_keys: SecretStr = SecretStr("")
    """`1:<base64 of 32 bytes>,2:…`; the highest one encrypts. Empty: derived from the secret."""

    stripe_api_key: SecretStr = SecretStr("")
    stripe_webhook_secret: SecretStr = SecretStr("")
    stripe_connect_webhook_secret: SecretStr = SecretStr("")
    """Of the endpoint that hears of connected accounts; empty: it is the same one's."""
    stripe_api_url: str = "https://api.stripe.com"
    stripe_account: str = ""
    stripe_timeout_seconds: float = 8.0
    stripe_card_page: str = ""
    """Where a card is entered by buyers of the built-in shop pages, which run no script:
    a URL with `{intent}`, `{client_secret}` and `{return_url}`. Others use the client secret."""

    bank_accounts: str = ""
    """Where buyers transfer to: `CNY=holder|bank|number` by semicolons; empty: nobody can."""
    bank_hold_seconds: int = 24 * 3600
    """How long an order whose money is to come by bank holds its keys."""
    stablecoin_payments: bool = False
    """Whether buyers may pay in stablecoins where shops take them: lawful in some places only."""

    api_host: str = ""
    """The platform's own API address, where an API client's token names the shop."""
    shop_domain_suffix: str = "localhost"
    """Every shop has a host of its own below it: `<slug>.<suffix>`."""
    dns_servers: str = ""
    """Who is asked for proofs of domains and for the names of strangers' addresses: `address` or
    `address:port` by commas; empty: the machine's own."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Networks, by commas, whose `X-Forwarded-For` is believed."""
    public_port: int | None = None
    """Of the shops' own pages, where it is not the scheme's; buyers return to it from a channel."""
    public_scheme: Literal["http", "https"] = "http"

    payment_hold_seconds: int = 15 * 60
    quote_seconds: int = 10 * 60
    late_payment_seconds: int = 12 * 3600
    payout_least_minor: int = Field(10_000, ge=1)
    """No payout is smaller, in minor units."""
    payout_fee_minor: int = Field(200, ge=0)
    payout_fee_bp: int = Field(0, ge=0, le=1_000)
    """What a payout costs its party: a flat part, and basis points of the amount."""
    payout_two_people_minor: int = Field(1_000_000, ge=0)
    """Above it two operators approve."""
    payout_method_wait_seconds: int = Field(24 * 3600, ge=0)
    """How long a new place to be paid at waits before anything goes there."""
    payout_grace_seconds: int = Field(10 * 60, ge=0)
    """How long a party may take a request back before it is looked at."""
    fx_fresh_seconds: int = Field(26 * 3600, ge=60)
    """For how long after its moment an exchange rate is priced with."""
    fx_jump_bp: int = Field(500, ge=0)
    """By how much a rate may be off the last one with nobody confirming it."""
    fast_refund_minutes: int = 15
    """How long the guarantee lasts: from the payment for what is missing, from the delivery for
    what is invalid."""
    fast_refund_decide_hours: int = 24
    """After so long a supplier who has not said anything was wrong."""
    replacement_policy: Literal["OPERATORS", "SHOPS_SAME_SUPPLIER", "SHOPS"] = "OPERATORS"
    """Who replaces bad keys: operators alone; a shop's finance staff, too, with keys of the same
    supplier; or with keys of any."""
    request_deadline_seconds: float = 2.0
    max_concurrent_requests: int = 512
    response_cache_bytes: int = 24 * 1024 * 1024
    """What a process keeps of answers about the public catalogue; 0 keeps none."""
    compiled_execution: bool = True
    """False: graphql-core executes every operation, slower and with the same answers."""
    trusted_documents: Path | None = None
    """A manifest of GraphQL documents that clients may name by their hash."""
    documents: Literal["any", "trusted_only"] = "any"
    """`trusted_only`: the API executes no document that is not in the manifest."""
    pdf_font: str = ""
    """A TrueType font with Chinese and Latin letters, for PDF; empty: the one of Debian's package
    fonts-wqy-microhei."""
    key_import_max_bytes: int = 256 * 1024 * 1024
    outward_ports: str = "443"
    """Ports, by commas, at which addresses are called that tenants have chosen."""
    outward_ca_file: Path | None = None
    """Certificate authorities that are believed beside the machine's."""
    outward_loopback: bool = False
    """Demo and tests only: this machine's own address may be called, over http, too."""
    crash_at: str = ""
    """Test environments only: the point in the code (kernel/faults.py) at which to die."""
    low_stock_bound: int = 100
    """Stock is counted exactly up to here, and shown as "100+" beyond."""

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def outward_port_numbers(self) -> frozenset[int]:
        """The ports at which strangers' addresses are called."""
        return frozenset(int(port) for port in self.outward_ports.split(",") if port.strip())

    @model_validator(mode="after")
    def _refuse_unsafe_combinations(self) -> "Settings":
        """Refuse to boot rather than verify with an empty or weak secret, take real money with the
        demo's secrets, call this machine for strangers, or refuse every document for want of a
        manifest."""
        live = self.stripe_api_key.get_secret_value().startswith(("sk_live_", "rk_live_"))
        if (live or self.production) and not self.stripe_webhook_secret.get_secret_value():
            raise ValueError(
                "KAMENG_STRIPE_WEBHOOK_SECRET is empty: set the endpoint's signing secret"
            )
        if live and not self.production:
            raise ValueError(
                "a live Stripe key needs KAMENG_ENVIRONMENT=production, where secrets are secret"
            )
        if self.outward_loopback and (live or self.production):
            raise ValueError("KAMENG_OUTWARD_LOOPBACK is for the demo and for tests")
        if self.documents == "trusted_only" and self.trusted_documents is None:
            raise ValueError("KAMENG_DOCUMENTS=trusted_only needs KAMENG_TRUSTED_DOCUMENTS")
        if self.production and len(self.master_secret.get_secret_value()) < 32:
            raise ValueError("KAMENG_MASTER_SECRET needs at least 32 characters in production")
        return self

    def url_for_role(self, role: str, password: str) -> str:
        """The database's URL with the user replaced."""
        parts = urlsplit(self.database_url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}"))


@lru_cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
