"""`schema.graphql`: the API's surface as a file, so that a change of it is seen in a review."""

import difflib
import sys
from pathlib import Path

from schema.root import schema


def write_schema(file: Path) -> int:
    """Write the schema to `file` and return 0."""
    file.write_text(_printed(), encoding="utf-8")
    return 0


def check_schema(file: Path) -> int:
    """Compare the schema with `file`, print the difference, and return 0 or 1.

    A file that is not there differs in every line.
    """
    stored = file.read_text(encoding="utf-8") if file.exists() else ""
    difference = list(
        difflib.unified_diff(
            stored.splitlines(keepends=True),
            _printed().splitlines(keepends=True),
            fromfile=str(file),
            tofile="the schema in the code",
        )
    )
    if not difference:
        return 0
    sys.stderr.writelines(difference)
    sys.stderr.write(f"\n{file} is behind the code: write it anew with `kameng schema`.\n")
    return 1


def _printed() -> str:
    return schema.as_str() + "\n"
