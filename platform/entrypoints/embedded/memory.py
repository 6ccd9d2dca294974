"""What a data directory remembers of its engines: where they live, their ports and passwords."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from entrypoints.embedded.processes import free_port

FILE_NAME = "engines.json"


@dataclass(slots=True)
class Memory:
    """Chosen once at the first start, kept in `engines.json` (readable by its owner only)."""

    file: Path
    home: str
    postgres_port: int
    postgres_password: str
    valkey_port: int
    valkey_password: str

    @classmethod
    def of(cls, data_dir: Path) -> Self:
        """Read the directory's memory, or make a new one (not yet saved)."""
        file = data_dir / FILE_NAME
        if file.exists():
            return cls(file=file, **json.loads(file.read_text()))
        return cls(
            file=file,
            home="",
            postgres_port=free_port(),
            postgres_password=secrets.token_urlsafe(24),
            valkey_port=free_port(),
            valkey_password=secrets.token_urlsafe(24),
        )

    def save(self) -> None:
        """Write the memory, whole or not at all."""
        words = asdict(self)
        del words["file"]
        draft = self.file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(words, stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self.file)
