"""How the ORM and its two connection pools are set up; `kernel.db` is the door to them."""

from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from kernel import crypto
from kernel.settings import Settings

ROOMS_WITH_TABLES = (
    "tenants",
    "catalog",
    "identity",
    "supply",
    "affiliates",
    "promotions",
    "orders",
    "billing",
)
SHOP, CORE = "shop", "core"
ROLES = {SHOP: "kameng_shop", CORE: "kameng_core"}


CONNECT_TIMEOUT_SECONDS = 5
COMMAND_TIMEOUT_SECONDS = 10
SESSION_TIMEOUTS = {
    "lock_timeout": "2s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
}
"""How long the server lets a session of ours wait, work, and do nothing with a transaction open."""


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A pooled connection that needs no reset: all that we set is transaction-local."""

    def get_reset_query(self) -> str:
        return ""


def orm_config(settings: Settings) -> dict[str, Any]:
    """Tortoise's configuration: one app with all the rooms' tables, one connection a role."""
    password = crypto.role_password(settings)

    def connection(role: str, size: int) -> dict[str, Any]:
        return {
            "engine": "tortoise.backends.asyncpg",
            "credentials": {
                **_url_parts(settings.url_for_role(ROLES[role], password)),
                "minsize": 1,
                "maxsize": size,
                "connection_class": _Connection,
                "command_timeout": COMMAND_TIMEOUT_SECONDS,
                "timeout": CONNECT_TIMEOUT_SECONDS,
                "server_settings": {
                    "application_name": f"kameng-{role}",
                    **SESSION_TIMEOUTS,
                    "timezone": "UTC",
                    "jit": "off",
                    # Our statements are few and are prepared once a connection. Planning a page
                    # takes three times as long as running it, and no plan of ours depends on
                    # the values.
                    "plan_cache_mode": "force_generic_plan",
                },
            },
        }

    return {
        "connections": {
            SHOP: connection(SHOP, settings.read_pool_size),
            CORE: connection(CORE, settings.write_pool_size),
        },
        "apps": {
            "models": {
                "models": [f"{room}.models" for room in ROOMS_WITH_TABLES],
                "default_connection": CORE,
            }
        },
        "routers": ["kernel.db.ScopeRouter"],
        "use_tz": True,
    }


def _url_parts(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": parts.path.lstrip("/"),
    }
