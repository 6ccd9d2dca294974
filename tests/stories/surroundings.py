"""The environment of the product's processes, for the test's own process, too."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engines import test_engines
from kernel.settings import Settings, settings
from processes import STRIPE_KEY, WEBHOOK_SECRET

MASTER_SECRET = "a-master-secret-for-tests-only-0123456789"
"""That of all tests: the roles' password comes from it, and they share the server's roles."""


@contextmanager
def settings_for(database_url: str, **more: str) -> Iterator[Settings]:
    """The settings of a product over this database, until the block ends."""
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": test_engines().redis_url,
        "KAMENG_ENVIRONMENT": "test",
        "KAMENG_MASTER_SECRET": MASTER_SECRET,
        "KAMENG_STRIPE_API_KEY": STRIPE_KEY,
        "KAMENG_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        **more,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield settings()
    settings.cache_clear()
