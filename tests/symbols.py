"""Which names there are: what the documents may call by name, found without importing anything."""

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "platform"
NAME = r"[A-Za-z_]\w*"
_CALLED = r"(?:\([^()]*\))?"
_DOTTED = re.compile(rf"{NAME}(?:\.{NAME})+{_CALLED}")
# A plain word may be anything: a name shows itself by an underscore, a hump, capitals or a call.
_SINGLE = re.compile(
    rf"\w*_\w*{_CALLED}|\w*[a-z][A-Z]\w*{_CALLED}|[A-Z]{{3,}}{_CALLED}|{NAME}\([^()]*\)"
)
_FILES = (".json", ".csv")
_WORD = re.compile(r"\w+")
_TABLE = re.compile(r"create table (\w+) \((.*?)\n\)", re.DOTALL)
_ADDED = re.compile(r"alter table (\w+)\s+add column (\w+)")
_TYPE = re.compile(
    r"^(?:type|interface|input|enum) (\w+)[^{\n]*\{(.*?)^\}", re.MULTILINE | re.DOTALL
)


def symbol_in(span: str) -> str | None:
    """Give the name that a code span calls, or None where it calls none."""
    if not (_DOTTED.fullmatch(span) or _SINGLE.fullmatch(span)) or span.endswith(_FILES):
        return None
    name = span.partition("(")[0]
    return name if re.fullmatch(rf"{NAME}(?:\.{NAME})*", name) else None


def is_known(symbol: str) -> bool:
    """Say whether a name is one of ours, or of a library that is installed."""
    owner, _, member = symbol.rpartition(".")
    if not owner:
        return symbol in words()
    return member in members()[owner.rpartition(".")[2]] or _is_a_librarys(symbol)


def _is_a_librarys(symbol: str) -> bool:
    """True for a module of an installed library, or something in one (`time.time`)."""
    module, _, member = symbol.rpartition(".")
    try:
        if find_spec(symbol) is not None:
            return True
    except ModuleNotFoundError:
        pass
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        return False
    return found is not None and hasattr(__import__(module, fromlist=[member]), member)


@cache
def words() -> frozenset[str]:
    """Every word of the code, the migrations, the schema and the packaging; no prose of them."""
    found: set[str] = set()
    for file in SOURCE.rglob("*.py"):
        found |= set(_words_of_code(file))
    for name in ("schema.graphql", "pyproject.toml"):
        found |= set(_WORD.findall((ROOT / name).read_text(encoding="utf-8")))
    for file in SOURCE.rglob("*.sql"):
        lines = file.read_text(encoding="utf-8").splitlines()
        found |= {word for line in lines for word in _WORD.findall(line.partition("--")[0])}
    return frozenset(found | {file.stem for file in SOURCE.rglob("*.py")})


def _words_of_code(file: Path) -> Iterator[str]:
    """Names, and the words of strings that are no docstrings."""
    before = tokenize.NEWLINE
    with file.open("rb") as opened:
        for token in tokenize.tokenize(opened.readline):
            stands_alone = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.NL)
            if token.type == tokenize.NAME:
                yield token.string
            elif token.type == tokenize.STRING and not (stands_alone and '"""' in token.string):
                yield from _WORD.findall(token.string)
            if token.type not in (tokenize.COMMENT, tokenize.ENCODING):
                before = token.type


@cache
def members() -> defaultdict[str, set[str]]:
    """What stands in each class, module, table and GraphQL type, by its own short name."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in SOURCE.rglob("*.py"):
        module = file.parent.name if file.stem == "__init__" else file.stem
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found[module] |= set(_defined(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found[node.name] |= set(_defined(node))
    for folder in filter(Path.is_dir, SOURCE.rglob("*")):
        found[folder.name] |= {file.stem for file in folder.iterdir()}
    for file in SOURCE.rglob("*.sql"):
        text = file.read_text(encoding="utf-8")
        for table, columns in _TABLE.findall(text):
            found[table] |= set(re.findall(r"^    (\w+) ", columns, re.MULTILINE))
        for table, column in _ADDED.findall(text):
            found[table].add(column)
    for type_name, fields in _TYPE.findall((ROOT / "schema.graphql").read_text(encoding="utf-8")):
        found[type_name] |= set(re.findall(r"^  (\w+)", fields, re.MULTILINE))
    return found


def _defined(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    """What a module or a class defines, imports or keeps in `self`."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.ImportFrom | ast.Import):
            yield from (one.asname or one.name for one in child.names)
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            yield from (
                one.id
                for target in targets
                for one in ast.walk(target)
                if isinstance(one, ast.Name)
            )
    if isinstance(node, ast.ClassDef):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                yield inner.attr
