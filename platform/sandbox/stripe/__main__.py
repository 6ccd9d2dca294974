"""`python -m sandbox.stripe`: serve one account; secrets come from the environment only."""

import argparse
import sys
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError

from sandbox.stripe.app import create_app
from sandbox.stripe.config import SandboxSettings


def main() -> int:
    """Serve until it is told to stop; 2 means that the settings are wrong."""
    given = {name: value for name, value in vars(_arguments()).items() if value is not None}
    try:
        settings, config = _configured(given)
    except ValueError as error:
        print(f"sandbox.stripe: {_reason(error)}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(config),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,  # longer than a client keeps an idle connection
    )
    return 0


def _configured(given: dict[str, Any]) -> tuple[SandboxSettings, Any]:
    settings = SandboxSettings(**given)
    return settings, settings.account()


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    # The input is left out: it may be a secret.
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.stripe",
        description="A Stripe server for demos and tests.",
        epilog="Needs KAMENG_SANDBOX_STRIPE_API_KEY and KAMENG_SANDBOX_STRIPE_WEBHOOK_SECRET in "
        "the environment; every option may be given there too, as KAMENG_SANDBOX_STRIPE_<NAME>.",
    )
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (12111)")
    parser.add_argument("--public-url", help="base of the pages that buyers see")
    parser.add_argument("--webhook-url", help="where events are delivered")
    parser.add_argument("--state-file", type=Path, help="SQLite file; memory without it")
    parser.add_argument("--account-id", help="the id of the account")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
