"""What the Makefile prepares before a command runs."""

import re
from pathlib import Path
from typing import Final

import pytest

MAKEFILE: Final = (Path(__file__).parents[1] / "Makefile").read_text()
RULES: Final = {
    target: (needs.split(), recipe)
    for target, needs, recipe in re.findall(
        r"^([$()/.\w]+):(?!=) ?([^#\n]*)[^\n]*\n((?:\t[^\n]*\n)*)", MAKEFILE, re.MULTILINE
    )
}
STARTS_US: Final = re.compile(r"\$\(BIN\)/(?:kameng|python -m pytest)")


def _prepared(target: str) -> set[str]:
    needs = RULES[target][0] if target in RULES else []
    return set(needs).union(*map(_prepared, needs))


@pytest.mark.parametrize("target", ["run", "test", "bench", "migrate", "check"])
def test_a_command_starts_with_libraries_that_are_compiled(target: str) -> None:
    assert STARTS_US.search(RULES[target][1])
    assert "$(VENV)/.compiled" in _prepared(target)
    assert "compileall" in RULES["$(VENV)/.compiled"][1]
