"""What is started, in which order, with which environment: plain data."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from entrypoints.up.ports import first_free_port
from entrypoints.up.secrets_file import load_or_make_secrets

API_PORT = 8000
SANDBOX_PORT = 8090


@dataclass(frozen=True, slots=True)
class Step:
    """A command that ends before the next one begins."""

    name: str
    title: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """A command that runs until the supervisor ends, and is started again when it dies."""

    name: str
    command: tuple[str, ...]
    health_url: str | None = None
    first_pause_seconds: float = 0.5
    grace_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One whole start. An engine without a URL is started in `data_dir`."""

    data_dir: Path
    environment: Mapping[str, str]
    steps: tuple[Step, ...]
    services: tuple[Service, ...]
    database_url: str = ""
    redis_url: str = ""
    notes: tuple[str, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()


def demo_plan(
    data_dir: Path, *, api_port: int, sandbox_port: int, given: Mapping[str, str]
) -> Plan:
    """Plan the demo: the API, the worker and a stand-in for Stripe.

    `given` is the environment of the caller: its names win over the demo's own, and whoever
    brings a Stripe key of their own gets no stand-in.
    """
    api = first_free_port(api_port)
    sandbox = first_free_port(sandbox_port, avoid=frozenset({api}))
    own_stripe = "KAMENG_STRIPE_API_KEY" in given
    environment = _environment(data_dir, api=api)
    addresses = [("API", f"http://127.0.0.1:{api}/graphql")]
    services = [
        Service(
            "api",
            _command("serve", "--host", "127.0.0.1", "--port", str(api)),
            health_url=f"http://127.0.0.1:{api}/healthz",
        ),
        Service("worker", _command("worker")),
    ]
    if not own_stripe:
        environment |= _sandbox_environment(data_dir, environment, api=api, sandbox=sandbox)
        addresses.append(("Payments (a stand-in for Stripe)", f"http://127.0.0.1:{sandbox}"))
        services.insert(0, _sandbox_service(sandbox))
    return Plan(
        data_dir=data_dir,
        environment=environment | {n: given[n] for n in environment if n in given},
        steps=(
            Step("migrate", "Database schema", _command("migrate")),
            Step("demo", "Demo data", _command("demo")),
        ),
        services=tuple(services),
        database_url=given.get("DATABASE_URL", ""),
        redis_url=given.get("REDIS_URL", ""),
        notes=_port_notes((api_port, api, "API"), (sandbox_port, sandbox, "payment stand-in")),
        addresses=tuple(addresses),
    )


def _command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "entrypoints.cli", *words)


def _environment(data_dir: Path, *, api: int) -> dict[str, str]:
    return load_or_make_secrets(data_dir) | {
        "KAMENG_ENVIRONMENT": "demo",
        "KAMENG_DATA_DIR": str(data_dir),
        "KAMENG_PUBLIC_PORT": str(api),
    }


def _sandbox_environment(
    data_dir: Path, environment: Mapping[str, str], *, api: int, sandbox: int
) -> dict[str, str]:
    prefix = "KAMENG_SANDBOX_STRIPE_"
    return {
        "KAMENG_STRIPE_API_URL": f"http://127.0.0.1:{sandbox}",
        "KAMENG_STRIPE_CARD_PAGE": f"http://127.0.0.1:{sandbox}/approve/{{intent}}"
        "?client_secret={client_secret}&return_url={return_url}",
        prefix + "HOST": "127.0.0.1",
        prefix + "PORT": str(sandbox),
        prefix + "STATE_FILE": str(data_dir / "stripe.sqlite3"),
        prefix + "PUBLIC_URL": f"http://127.0.0.1:{sandbox}",
        prefix + "WEBHOOK_URL": f"http://127.0.0.1:{api}/payments/stripe/webhook",
        # What the product's methods expect to be charged, so that the demo's books are right.
        prefix + "FEE_BP": "60",
        prefix + "FEE_FIXED_MINOR": "0",
        prefix + "API_KEY": environment["KAMENG_STRIPE_API_KEY"],
        prefix + "WEBHOOK_SECRET": environment["KAMENG_STRIPE_WEBHOOK_SECRET"],
    }


def _sandbox_service(port: int) -> Service:
    return Service(
        "sandbox",
        (sys.executable, "-m", "sandbox.stripe"),
        health_url=f"http://127.0.0.1:{port}/healthz",
    )


def _port_notes(*ports: tuple[int, int, str]) -> tuple[str, ...]:
    return tuple(
        f"Port {wanted} is taken, so the {what} listens on {taken}."
        for wanted, taken, what in ports
        if wanted != taken
    )
