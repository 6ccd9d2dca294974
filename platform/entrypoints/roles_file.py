"""`docs/roles.md`: the role × field table as a reviewer reads it, one line for the fields that the
same roles may ask for."""

import sys
from collections import defaultdict
from difflib import unified_diff
from pathlib import Path
from typing import Final

from schema.field_table import GRANTS
from schema.field_table.roles import EVERYONE

_HEAD: Final = """# Who may ask for what

Written by `kameng schema` out of `platform/schema/field_table/`, and compared by
`kameng schema --check`. A field that stands in no line is denied to all; "everybody" is
every column of the table. Staff's roles begin with STAFF_, the scopes of programs with API_.

"""


def write_roles(file: Path) -> int:
    """Write the table to `file` and return 0."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(_written(), encoding="utf-8")
    return 0


def check_roles(file: Path) -> int:
    """Compare the table with `file`, print the difference, and return 0 or 1."""
    stored = file.read_text(encoding="utf-8") if file.exists() else ""
    difference = list(
        unified_diff(
            stored.splitlines(keepends=True),
            _written().splitlines(keepends=True),
            fromfile=str(file),
            tofile="the table in the code",
        )
    )
    if not difference:
        return 0
    sys.stderr.writelines(difference)
    sys.stderr.write(f"\n{file} is behind the code: write it anew with `kameng schema`.\n")
    return 1


def _written() -> str:
    parts = [_HEAD]
    by_type: defaultdict[str, defaultdict[frozenset[str], list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for coordinate, roles in GRANTS.items():
        type_name, _, field = coordinate.partition(".")
        by_type[type_name][roles].append(field)
    for type_name in sorted(by_type, key=_roots_first):
        parts.append(f"## {type_name}\n\n| fields | who |\n|---|---|\n")
        parts += [
            f"| {' '.join(sorted(fields))} | {_who(roles)} |\n"
            for roles, fields in sorted(by_type[type_name].items(), key=lambda row: _who(row[0]))
        ]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _roots_first(type_name: str) -> tuple[bool, str]:
    return type_name not in ("Mutation", "Query", "Subscription"), type_name


def _who(roles: frozenset[str]) -> str:
    if roles == EVERYONE:
        return "everybody"
    for prefix in ("STAFF_", "API_"):
        whole = {role for role in EVERYONE if role.startswith(prefix)}
        if whole <= roles:
            roles = (roles - whole) | {f"{prefix}*"}
    return ", ".join(sorted(roles))
