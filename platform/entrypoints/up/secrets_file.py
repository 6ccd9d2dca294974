"""The demo's secrets: made once, kept beside its data, handed to the processes by environment."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

FILE_NAME = "secrets.env"

_MAKERS: Mapping[str, Callable[[], str]] = {
    "KAMENG_MASTER_SECRET": lambda: secrets.token_urlsafe(48),
    "KAMENG_STRIPE_API_KEY": lambda: "sk_test_" + secrets.token_hex(24),
    "KAMENG_STRIPE_WEBHOOK_SECRET": lambda: "whsec_" + secrets.token_hex(24),
}


def load_or_make_secrets(data_dir: Path) -> dict[str, str]:
    """Return the demo's secrets, making those that the file lacks.

    The file is readable by its owner only, in the form of `NAME=value` lines.
    """
    file = data_dir / FILE_NAME
    known = _read(file)
    complete = {name: known.get(name) or make() for name, make in _MAKERS.items()}
    if complete != known:
        _write(file, complete)
    return complete


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = (line.partition("=") for line in file.read_text().splitlines())
    return {name: value for name, equals, value in lines if equals}


def _write(file: Path, values: Mapping[str, str]) -> None:
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.replace(file)
