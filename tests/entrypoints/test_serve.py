"""Which server serves, and that nobody waits in vain for workers that will not come."""

from typing import Any

import pytest

from entrypoints import serve as module
from kernel.settings import Settings, settings


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Which server was started, and with what; none is."""
    calls: list[tuple[str, dict[str, Any]]] = []
    for server in ("granian", "uvicorn"):

        def start(name: str = server, **given: Any) -> None:
            calls.append((name, given))

        monkeypatch.setattr(module, f"_serve_with_{server}", start)
    return calls


def in_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings().model_copy(update={"environment": name})
    assert isinstance(found, Settings)
    monkeypatch.setattr(module, "settings", lambda: found)


def test_workers_that_will_not_come_are_said_on_the_screen(
    served: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_environment("demo", monkeypatch)

    module.serve(host="127.0.0.1", port=1, workers=4)

    assert served == [("uvicorn", {"host": "127.0.0.1", "port": 1})]
    assert capsys.readouterr().err == (
        "One process serves, not 4: --workers is for KAMENG_ENVIRONMENT=production.\n"
    )


@pytest.mark.parametrize(
    ("environment", "workers", "server"), [("demo", 1, "uvicorn"), ("production", 4, "granian")]
)
def test_what_is_as_it_was_asked_for_is_not_commented(
    served: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: str,
    workers: int,
    server: str,
) -> None:
    in_environment(environment, monkeypatch)

    module.serve(host="127.0.0.1", port=1, workers=workers)

    [(name, given)] = served
    assert (name, given.get("workers", 1)) == (server, workers)
    assert capsys.readouterr().err == ""
