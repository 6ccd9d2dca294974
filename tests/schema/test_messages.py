"""Every refusal that a client can meet has its words in Chinese, and no words are left over."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kernel.errors import Forbidden, Invalid, Refusal
from schema import messages
from schema.messages import _CHINESE, _KEEPS_ITS_PLACE, _SENTENCES, in_chinese

SOURCE = Path(messages.__file__).parent.parent
TOO_GENERAL = {"FORBIDDEN"}
"""Codes whose word is no answer to "what now?": their refusals need sentences of their own."""


@dataclass(frozen=True, slots=True)
class Said:
    """A refusal as it stands in the code: its sentence, as far as that is constant."""

    place: str
    code: str
    sentence: str
    whole: bool
    """False when the sentence goes on with words that only the running code knows."""

    def is_said_by(self, key: str) -> bool:
        return key == self.sentence if self.whole else key.startswith(self.sentence)


def module_file(module: str) -> Path | None:
    path = SOURCE.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def modules_of_the_api() -> dict[str, ast.Module]:
    """Everything that the schema's root imports, by way of others, too."""
    found: dict[str, ast.Module] = {}
    waiting = ["schema.root"]
    while waiting:
        module = waiting.pop()
        file = module_file(module)
        if file is not None and module not in found:
            found[module] = ast.parse(file.read_text(encoding="utf-8"))
            waiting += imported(found[module])
    return found


def refusal_class(name: str, module: str) -> type[Refusal] | None:
    """The class that a module calls so, `ledger.InsufficientBalance` too."""
    known: object = importlib.import_module(module)
    for part in name.split("."):
        known = getattr(known, part, None)
    return known if isinstance(known, type) and issubclass(known, Refusal) else None


def assigned(function: ast.AST) -> dict[str, ast.expr]:
    """What names stand for in a function, as far as they are given one value."""
    return {
        node.targets[0].id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def sentences(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[tuple[str, bool]]:
    """The sentences that an argument may be, with `{}` for numbers; and whether each is whole."""
    if isinstance(node, ast.Constant):
        yield _KEEPS_ITS_PLACE.sub("{}", str(node.value)), True
    elif isinstance(node, ast.IfExp):
        yield from sentences(node.body, names)
        yield from sentences(node.orelse, names)
    elif isinstance(node, ast.Name) and node.id in names:
        yield from sentences(names[node.id], names)
    elif isinstance(node, ast.JoinedStr):
        text = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += _KEEPS_ITS_PLACE.sub("{}", str(part.value))
            elif isinstance(part, ast.FormattedValue):
                if isinstance(part.value, ast.IfExp | ast.Call):
                    yield text, False
                    return
                words = names.get(ast.unparse(part.value))
                if isinstance(words, ast.JoinedStr):
                    text += next(sentences(words, names))[0]
                else:
                    text += "{}"
        yield text, True
    else:
        raise AssertionError(f"no sentence can be read from `{ast.unparse(node)}`")


def refusals_of(module: str, tree: ast.Module) -> Iterator[Said]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            names = assigned(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and node.args:
                    known = refusal_class(ast.unparse(node.func), module)
                    if known is not None and known.__init__ is Refusal.__init__:
                        for sentence, whole in sentences(node.args[0], names):
                            yield Said(f"{module}:{node.lineno}", known.code, sentence, whole)


@pytest.fixture(scope="module")
def said() -> list[Said]:
    found = [
        one for module, tree in modules_of_the_api().items() for one in refusals_of(module, tree)
    ]
    assert len(found) > 60
    return found


def test_every_refusal_of_the_api_has_chinese_words(said: list[Said]) -> None:
    wordless = {
        f"{one.place} {one.code}: {one.sentence}"
        for one in said
        if not any(one.is_said_by(key) for key in _SENTENCES)
        and (one.code in TOO_GENERAL or one.code not in _CHINESE)
    }

    assert wordless == set()


def test_refusals_with_words_of_their_own_have_a_code_that_says_it() -> None:
    """Whoever overrides the constructor shows neither sentence nor place to the test above."""
    for module, tree in modules_of_the_api().items():
        for node in ast.walk(tree):
            known = refusal_class(node.name, module) if isinstance(node, ast.ClassDef) else None
            if known is not None and known.__init__ is not Refusal.__init__:
                assert known.code in _CHINESE.keys() - TOO_GENERAL, known


def test_no_chinese_sentence_is_left_over(said: list[Said]) -> None:
    assert {key for key in _SENTENCES if not any(one.is_said_by(key) for one in said)} == set()


def test_a_sentence_asks_for_no_more_numbers_than_there_are() -> None:
    assert {
        english
        for english, chinese in _SENTENCES.items()
        if chinese.count("{}") > english.count("{}")
    } == set()


@pytest.mark.parametrize("sentence", _SENTENCES.values())
def test_a_chinese_sentence_is_chinese(sentence: str) -> None:
    assert re.search(r"[\u4e00-\u9fff]", sentence)
    assert sentence.endswith("。")


@pytest.mark.parametrize(
    ("refusal", "chinese"),
    [
        (
            Forbidden("This token has ended, or is not for this shop: sign in again."),
            "登录已失效，请重新登录。",
        ),
        (Forbidden("Something else."), "没有权限执行此操作。"),
        (Invalid("This shop sells in CNY."), "本店以 CNY 计价。"),
        (Invalid("An order has 1 to 20 lines."), "每单为 1 到 20 行商品。"),
        (Invalid("Nobody has translated this."), "Nobody has translated this."),
    ],
)
def test_a_refusal_is_said_in_chinese_with_its_numbers(refusal: Refusal, chinese: str) -> None:
    assert in_chinese(refusal) == chinese


def test_a_refusal_without_words_is_found() -> None:
    tree = ast.parse(
        "def refuse(much):\n"
        "    raise Invalid('Too blue.')\n"
        "    raise Invalid(f'Too blue by {much}.')\n"
        "    raise Forbidden(f'Not for {who(much)}.')\n"
    )
    found = list(refusals_of("kernel.errors", tree))

    assert [(one.code, one.sentence, one.whole) for one in found] == [
        ("VALIDATION", "Too blue.", True),
        ("VALIDATION", "Too blue by {}.", True),
        ("FORBIDDEN", "Not for ", False),
    ]
