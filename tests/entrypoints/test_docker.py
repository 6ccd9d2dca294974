"""The container files say what the Makefile, the commands and the settings say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoints.cli import app
from entrypoints.embedded.postgres import FORGETFUL_SETTINGS, SETTINGS
from kernel.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "api", "worker")


def command_names() -> set[str]:
    return {name for name in app if not name.startswith("-")}


def test_compose_has_everything_that_production_needs() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "valkey", "proxy"}


@pytest.mark.parametrize("service", OURS)
def test_a_service_runs_a_command_that_exists(service: str) -> None:
    assert SERVICES[service]["command"][0] in command_names()


@pytest.mark.parametrize("service", OURS)
def test_a_service_gets_settings_that_exist(service: str) -> None:
    known = {"DATABASE_URL", "REDIS_URL"}
    known |= {f"KAMENG_{name.upper()}" for name in Settings.model_fields}

    assert set(SERVICES[service]["environment"]) <= known


def test_no_secret_has_a_default() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|KEY", name):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?\}", value), name


def test_the_schema_is_migrated_before_anything_serves() -> None:
    for service in ("api", "worker"):
        assert SERVICES[service]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }


def test_only_the_proxy_is_reachable_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_the_database_is_at_least_postgresql_15() -> None:
    found = re.match(r"postgres:(\d+)", SERVICES["postgres"]["image"])

    assert found is not None
    assert int(found[1]) >= 15


def server_settings() -> dict[str, str]:
    """What Compose tells PostgreSQL, by the settings' names."""
    program, *options = SERVICES["postgres"]["command"]
    assert program == "postgres"
    pairs = (option.removeprefix("--").split("=", 1) for option in options)
    return {name.replace("-", "_"): value for name, value in pairs}


def test_the_database_is_tuned_as_the_demos_is() -> None:
    of_the_machine = {"listen_addresses", "unix_socket_directories", "max_connections"}
    ours = server_settings()

    assert ours.pop("shared_buffers").endswith(f":-{SETTINGS['shared_buffers']}}}")
    assert ours == {
        name: value
        for name, value in SETTINGS.items()
        if name not in of_the_machine | {"shared_buffers"}
    }


def test_the_database_forgets_nothing() -> None:
    assert server_settings().keys() & FORGETFUL_SETTINGS.keys() == set()


def test_the_readme_names_what_the_database_is_told() -> None:
    section = (ROOT / "README.md").read_text().partition("\n## In production\n")[2]

    assert {name for name in server_settings() if f"`{name}`" not in section} == set()
    processes = Settings.model_fields
    each = processes["read_pool_size"].default + processes["write_pool_size"].default
    assert f"up to {each + 1} (" in section
    assert f"every worker up to {each}" in section


def test_the_image_installs_from_the_lock_file_with_hashes() -> None:
    installs = [line for line in DOCKERFILE.splitlines() if "pip install" in line]

    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "requirements/runtime.txt" in DOCKERFILE


def test_the_image_copies_files_that_exist() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, flags=re.MULTILINE)

    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, flags=re.MULTILINE)

    assert users[-1] not in {"root", "0"}


def test_the_image_serves_by_default_with_a_command_that_exists() -> None:
    (command,) = re.findall(r'^CMD \["(\w+)"', DOCKERFILE, flags=re.MULTILINE)

    assert command in command_names()


def test_the_image_and_the_makefile_start_the_same_module() -> None:
    module = "-m entrypoints.cli"

    assert module in (ROOT / "docker" / "entrypoint").read_text()
    assert module in (ROOT / "Makefile").read_text()


def test_the_makefile_runs_commands_that_exist() -> None:
    called = set(re.findall(r"\$\(BIN\)/kameng (\w+)", (ROOT / "Makefile").read_text()))

    assert {"up", "migrate", "schema", "bench"} <= called
    assert called <= command_names()


def test_the_proxy_hands_over_to_the_api() -> None:
    assert "reverse_proxy api:8000" in (ROOT / "docker" / "Caddyfile").read_text()
    assert "8000" in SERVICES["api"]["command"]
