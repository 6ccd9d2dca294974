"""The engines from wheels: start, reuse, crash, recovery, stop."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from entrypoints.embedded import EngineFailed, Engines, start_engines, stop_engines
from entrypoints.embedded.account import Account
from entrypoints.embedded.home import choose_home, find_programs
from entrypoints.embedded.processes import processes_in, wait_until
from entrypoints.embedded.sql import fetch_value
from forks import ROOT
from patience import PATIENCE_SECONDS


def start(data_dir: Path) -> Engines:
    return start_engines(data_dir, durable=False)


def ping(engines: Engines) -> bool:
    with redis.Redis.from_url(engines.redis_url) as client:
        return bool(client.ping())


def postmaster_of(engines: Engines) -> int:
    assert engines.postgres is not None
    return int((engines.postgres.data / "postmaster.pid").read_text().splitlines()[0])


def owner_of(process_id: int) -> int:
    return Path(f"/proc/{process_id}").stat().st_uid


def test_both_engines_answer_where_the_urls_say(running: tuple[Path, Engines]) -> None:
    _, engines = running

    assert (engines.started_postgres, engines.started_valkey) == (True, True)
    assert fetch_value(engines.database_url, "show server_encoding") == "UTF8"
    assert fetch_value(engines.database_url, "select current_database()") == "kameng"
    assert ping(engines)


def test_the_engines_never_run_as_root(running: tuple[Path, Engines]) -> None:
    _, engines = running
    assert engines.postgres is not None

    processes = [*processes_in(engines.postgres.data), *processes_in(engines.postgres.home)]

    assert len(processes) >= 2
    assert 0 not in {owner_of(process_id) for process_id in processes}


def test_nobody_gets_in_without_the_password(running: tuple[Path, Engines]) -> None:
    data_dir, engines = running
    memory = json.loads((data_dir / "engines.json").read_text())
    without_password = engines.database_url.replace(memory["postgres_password"], "guess")

    with pytest.raises(Exception, match="password authentication failed"):
        fetch_value(without_password, "select 1")
    with (
        redis.Redis(port=memory["valkey_port"]) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    assert stat.S_IMODE((data_dir / "engines.json").stat().st_mode) == 0o600


def test_who_leaves_a_server_to_others_says_nothing_of_it(tmp_path: Path) -> None:
    leaving = """
from pathlib import Path
from entrypoints.embedded.account import Account

with Path("log").open("wb") as log:
    server = Account.choose().launch(["/bin/sleep", "600"], cwd=Path("/"), log=log)
print(server.pid)
"""
    left = subprocess.run(
        [sys.executable, "-W", "error", "-c", leaving],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "platform")},
        capture_output=True,
        text=True,
        check=True,
    )

    os.kill(int(left.stdout), signal.SIGKILL)
    assert left.stderr == ""


def test_passwords_are_in_no_process_arguments(running: tuple[Path, Engines]) -> None:
    data_dir, engines = running
    assert engines.postgres is not None
    memory = json.loads((data_dir / "engines.json").read_text())

    arguments = b"".join(
        Path(f"/proc/{process_id}/cmdline").read_bytes()
        for home in (engines.postgres.data, engines.postgres.home)
        for process_id in processes_in(home)
    )

    assert b"postgres" in arguments
    assert memory["postgres_password"].encode() not in arguments
    assert memory["valkey_password"].encode() not in arguments


def test_a_durable_server_syncs_to_disk(data_dir: Path) -> None:
    engines = start_engines(data_dir)

    assert fetch_value(engines.database_url, "show fsync") == "on"
    assert fetch_value(engines.database_url, "show synchronous_commit") == "on"
    assert fetch_value(engines.database_url, "show full_page_writes") == "on"


def test_a_running_server_is_used_again(running: tuple[Path, Engines]) -> None:
    data_dir, first = running
    process_id = postmaster_of(first)

    second = start(data_dir)

    assert (second.started_postgres, second.started_valkey) == (False, False)
    assert second.database_url == first.database_url
    assert postmaster_of(second) == process_id


def test_data_outlives_a_kill_of_the_server(data_dir: Path) -> None:
    engines = start_engines(data_dir)
    fetch_value(engines.database_url, "create table sale as select 7 as amount_minor")
    os.kill(postmaster_of(engines), signal.SIGKILL)

    again = start_engines(data_dir)

    assert again.started_postgres
    assert again.database_url == engines.database_url
    assert fetch_value(again.database_url, "select amount_minor from sale") == 7


@pytest.mark.sweep
def test_data_outlives_a_stop(data_dir: Path) -> None:
    engines = start(data_dir)
    fetch_value(engines.database_url, "create table sale as select 7 as amount_minor")
    engines.stop()

    again = start(data_dir)

    assert again.database_url == engines.database_url
    assert fetch_value(again.database_url, "select amount_minor from sale") == 7


@pytest.mark.sweep
def test_a_pid_file_with_another_process_number_is_no_obstacle(data_dir: Path) -> None:
    engines = start(data_dir)
    assert engines.postgres is not None
    assert engines.valkey is not None
    pid_file = engines.postgres.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(int(lines[0]), signal.SIGKILL)
    # As after a reboot: the number belongs to a process of the same account, which PostgreSQL
    # by itself takes for a running server.
    (valkey_process,) = processes_in(engines.valkey.home)
    pid_file.write_text("\n".join([str(valkey_process), *lines[1:]]) + "\n")

    again = start(data_dir)

    assert again.started_postgres
    assert fetch_value(again.database_url, "select 1") == 1


def test_a_stop_leaves_no_process(data_dir: Path) -> None:
    engines = start(data_dir)
    assert engines.postgres is not None

    engines.stop()

    assert processes_in(engines.postgres.data) == []
    assert processes_in(engines.postgres.home) == []


@pytest.mark.sweep
def test_servers_of_a_dead_parent_can_be_stopped_by_directory(data_dir: Path) -> None:
    engines = start(data_dir)
    assert engines.postgres is not None

    stop_engines(data_dir)

    assert processes_in(engines.postgres.data) == []
    assert processes_in(engines.postgres.home) == []


@pytest.mark.sweep
def test_an_engine_that_died_is_revived_at_its_address(data_dir: Path) -> None:
    engines = start(data_dir)
    assert engines.postgres is not None
    assert engines.valkey is not None
    assert engines.revive() == []
    for process_id in (postmaster_of(engines), *processes_in(engines.valkey.home)):
        os.kill(process_id, signal.SIGKILL)
    # A killed process answers until the kernel has come to it.
    alive = engines.postgres.is_alive, engines.valkey.is_alive
    assert wait_until(
        lambda: not any(is_alive() for is_alive in alive), timeout_seconds=PATIENCE_SECONDS
    )

    assert engines.revive() == ["PostgreSQL", "Valkey"]

    assert fetch_value(engines.database_url, "select 1") == 1
    assert ping(engines)


@pytest.mark.sweep
def test_a_taken_port_is_left_to_whoever_has_it(data_dir: Path) -> None:
    start(data_dir).stop()
    memory = json.loads((data_dir / "engines.json").read_text())
    with socket.socket() as postgres_squatter, socket.socket() as valkey_squatter:
        for squatter, name in (
            (postgres_squatter, "postgres_port"),
            (valkey_squatter, "valkey_port"),
        ):
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", memory[name]))
            squatter.listen()

        engines = start(data_dir)

        assert str(memory["postgres_port"]) not in engines.database_url
        assert fetch_value(engines.database_url, "select 1") == 1
        assert ping(engines)


def test_an_engine_given_by_url_is_not_started(data_dir: Path) -> None:
    engines = start_engines(
        data_dir, database_url="postgresql://elsewhere/kameng", redis_url="redis://elsewhere"
    )
    engines.stop()

    assert engines.database_url == "postgresql://elsewhere/kameng"
    assert (engines.started_postgres, engines.started_valkey) == (False, False)
    assert list(data_dir.iterdir()) == []


def test_only_the_missing_engine_is_started(data_dir: Path) -> None:
    engines = start_engines(data_dir, database_url="postgresql://elsewhere/kameng")

    assert engines.postgres is None
    assert ping(engines)


@pytest.mark.sweep
def test_an_interrupted_first_start_is_made_again(data_dir: Path) -> None:
    home = choose_home(data_dir, remembered="", account=Account.choose())
    half_made = home / "postgres.draft"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")

    engines = start(data_dir)

    assert fetch_value(engines.database_url, "select 1") == 1
    assert not half_made.exists()


def test_the_home_is_where_the_engines_account_can_walk(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    account = Account.choose()

    home = choose_home(closed, remembered="", account=account)

    try:
        # Root lends the engines to an account that may not enter; our own account may.
        assert home.is_relative_to(closed) is not account.is_other
        assert choose_home(closed, remembered=str(home), account=account) == home
    finally:
        home.rmdir()


def test_a_home_of_somebody_else_is_refused(tmp_path: Path) -> None:
    stolen = tmp_path / "link"
    stolen.symlink_to("/")

    with pytest.raises(EngineFailed, match="none of these places"):
        choose_home(tmp_path, remembered=str(stolen), account=Account.choose())


@pytest.mark.sweep
def test_programs_that_the_account_cannot_read_are_copied(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account.choose()
    home = choose_home(data_dir, remembered="", account=account)
    installed = find_programs(home, account)
    real_run = Account.run

    def run_only_in_home(self: Account, command: list[str | Path], **rest: Any) -> object:
        if "--version" in command and not Path(command[0]).is_relative_to(home):
            raise PermissionError(command[0])
        return real_run(self, command, **rest)

    monkeypatch.setattr(Account, "run", run_only_in_home)
    copied = find_programs(home, account)

    assert not installed.postgres_bin.is_relative_to(home)
    assert copied.postgres_bin.is_relative_to(home)
    assert copied.valkey_server.is_relative_to(home)
    engines = start(data_dir)
    try:
        assert fetch_value(engines.database_url, "select 1") == 1
        assert ping(engines)
    finally:
        stop_engines(data_dir)
        monkeypatch.undo()


@pytest.mark.sweep
def test_a_second_start_is_fast(data_dir: Path) -> None:
    started = time.monotonic()
    first = start(data_dir)
    first_seconds = time.monotonic() - started
    first.stop()

    elapsed_seconds = []
    for _ in range(8):  # the least of them: the others met a busy neighbour
        started = time.monotonic()
        engines = start(data_dir)
        elapsed_seconds.append(time.monotonic() - started)
        if elapsed_seconds[-1] < 5:
            break
        engines.stop()

    # A machine so busy that even this takes longer shows it in the first start, too.
    assert min(elapsed_seconds) < max(5, first_seconds)
