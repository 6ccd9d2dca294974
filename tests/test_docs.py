"""What the documents say is so: paths, commands, settings, examples, and the README's sale."""

import ast
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from cyclopts import App
from graphql import OperationDefinitionNode, parse, validate

from entrypoints.cli import app
from entrypoints.demo.catalogue import sku_id
from entrypoints.demo.handout import FIRST_QUERY
from entrypoints.demo.records import demo_records
from entrypoints.demo.stock import TOTAL_KEYS
from entrypoints.verify import verify
from kernel.ids import public_id
from kernel.settings import Settings
from processes import Platform, running_platform
from sandbox.stripe.config import SandboxSettings
from schema.root import schema
from symbols import SOURCE, is_known, symbol_in
from world import World, build_world

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DECISIONS = ROOT / "docs" / "decisions"
INDEX = DECISIONS / "README.md"
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in sorted(DECISIONS.glob("*.md")) if page != INDEX]
NOT_PATHS = {
    *(".kameng/", "platform/__init__.py"),  # made by the demo; never made
    *("NNNN_name.sql", "models.py", "base.py", "__init__.py", ".sql", ".txt"),  # stand for many
    *("checkout.py", "service.py", "utils.py"),  # examples of names, good and bad
}
NOT_OURS = {
    "datetime.now",  # of a class in the module of the same name
    "extensions.persistedQuery.sha256Hash",  # of a request
    "ws_max_size",  # of the server
    "UnknownLocaleError",  # babel's
}
PARTS_OF_A_DECISION = ["Context", "Decision", "Consequences", "What enforces it"]

# Addresses of registries and paths of one machine; a URL's path (`/payments/…`) is neither.
FOREIGN = re.compile(
    r"pypi|pythonhosted|npmjs|docker\.io|ghcr\.io|index-url"
    r"|(?<![\w.:/])/(?:home|root|work|tmp|usr|opt|srv|mnt|Users)/",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"\.?[\w*-]+(?:/[\w.*-]+)*(?:/|\.(?:py|sql|md|toml|ya?ml|graphql|in|txt))")


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [body for kind, body in _FENCE.findall(text_of(document)) if kind == language]


def spans(document: Path) -> set[str]:
    """Everything between single backticks."""
    return set(_SPAN.findall(_FENCE.sub("", text_of(document))))


def words_after(word: str, document: Path) -> Iterator[list[str]]:
    """What follows a word that begins a code span or a line of a shell block."""
    lines = [line for block in blocks(document, "sh") for line in block.splitlines()]
    for text in (*spans(document), *lines):
        first, *rest = text.partition("#")[0].split() or [""]
        if first == word:
            yield rest


def table(heading: str) -> dict[str, str]:
    """The first two columns of the first table below one of the README's headings."""
    _, _, below = text_of(README).partition(f"\n## {heading}\n")
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", below.partition("\n## ")[0], re.MULTILINE)
    return {name: value.strip() for name, value in rows}


def command_names(commands: App, *before: str) -> set[tuple[str, ...]]:
    """Every command of the command line: what is in groups, and groups that do something too."""
    names: set[tuple[str, ...]] = set()
    for name in commands:
        if not name.startswith("-"):
            inside = command_names(commands[name], *before, name)
            names |= inside
            if not inside or commands[name].default_command is not None:
                names.add((*before, name))
    return names


def setting_names() -> set[str]:
    return {
        str(field.validation_alias or f"KAMENG_{name.upper()}")
        for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_in_a_document_leads_somewhere(document: Path) -> None:
    named = {span for span in spans(document) if _PATH.fullmatch(span)}
    places = (ROOT, ROOT / "platform", document.parent)

    lost = {
        path
        for path in named - NOT_PATHS
        if not any(next(place.glob(path.rstrip("/")), None) for place in places)
    }

    assert lost == set()
    assert named or document == INDEX


def unknown(spans_of_text: set[str]) -> set[str]:
    """The spans that name what is nowhere; settings have a test of their own."""
    symbols = {
        span: symbol_in(span)
        for span in spans_of_text - NOT_OURS
        if not _PATH.fullmatch(span) and not span.startswith("KAMENG_")
    }
    return {span for span, symbol in symbols.items() if symbol and not is_known(symbol)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_name_in_a_document_is_something(document: Path) -> None:
    assert unknown(spans(document)) == set()


def test_every_name_in_a_docstring_is_something() -> None:
    """What is written with a dot may be an argument's attribute there, which nobody can look up."""
    lost = {}
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(text_of(file))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                named = set(_SPAN.findall(str(node.value.value)))
                if found := unknown({span for span in named if "." not in span}):
                    lost[f"{name_of(file)}:{node.lineno}"] = found

    assert lost == {}


@pytest.mark.parametrize(
    "span",
    [
        *("lock_one_balance", "LOCK", "GraphQLEndpoint.asked", "db.open(scope)", "copyRows"),
        *("payments.colour", "Order.cost", "time.hour", "release_all()"),
    ],
)
def test_the_search_for_unknown_names_finds_one(span: str) -> None:
    assert unknown({span, "lock_balances", "Order.total", "payments.method"}) == {span}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_in_a_document_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", text_of(document))

    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_document_carries_no_registry_and_no_machines_path(document: Path) -> None:
    assert FOREIGN.findall(text_of(document)) == []


@pytest.mark.parametrize(
    "text", ["/home/me/x", "see /tmp/x", "--index-url", "https://" + "py" + "pi.org/"]
)
def test_the_search_for_foreign_addresses_finds_one(text: str) -> None:
    assert FOREIGN.search(text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_target_in_a_document_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))

    assert {rest[0] for rest in words_after("make", document) if rest} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_in_a_document_exists(document: Path) -> None:
    known = command_names(app)

    for words in words_after("kameng", document):
        assert tuple(words[:1]) in known or tuple(words[:2]) in known, words


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_setting_in_a_document_exists(document: Path) -> None:
    sandbox = {f"KAMENG_SANDBOX_STRIPE_{name.upper()}" for name in SandboxSettings.model_fields}
    named = set(re.findall(r"KAMENG_[A-Z_]+[A-Z]\b(?!_)", text_of(document)))
    of_the_proxy = {"KAMENG_HOSTS"}

    assert named - setting_names() - sandbox - of_the_proxy == set()


def test_the_readme_has_every_make_target_and_every_command() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", text_of(ROOT / "Makefile"), re.MULTILINE)
    rows = table("Commands")

    assert set(rows) == {f"make {target}" for target in targets if target != "help"} | {
        " ".join(("kameng", *name)) for name in command_names(app)
    }


def test_the_readme_has_every_setting_with_its_default() -> None:
    defaults = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = getattr(default, "get_secret_value", lambda value=default: value)()
        alias = str(field.validation_alias or f"KAMENG_{name.upper()}")
        defaults[alias] = "–" if shown in ("", None) else f"`{shown}`"

    assert table("Settings") == defaults


@pytest.mark.parametrize("example", blocks(README, "graphql"), ids=lambda text: text.split("(")[0])
def test_every_graphql_example_is_valid(example: str) -> None:
    assert validate(schema._schema, parse(example)) == []


def test_the_readmes_first_query_is_the_one_that_the_demo_prints() -> None:
    first_shell_blocks = "\n".join(blocks(README, "sh"))

    assert FIRST_QUERY in first_shell_blocks
    assert validate(schema._schema, parse(FIRST_QUERY)) == []


def test_the_demo_is_as_large_as_the_readme_says() -> None:
    levels: dict[str | None, int] = {None: 0}
    for shop in demo_records().shops:
        levels[shop.slug] = levels[shop.parent] + 1

    assert (len(levels) - 1, max(levels.values()), TOTAL_KEYS) == (7, 4, 6_000)
    assert "seven shops in a tree of four levels with 6,000 keys" in text_of(README)


def test_the_goods_of_the_readme_are_the_demos() -> None:
    ids = {
        public_id("sku", sku_id(sku.code)) for one in demo_records().products for sku in one.skus
    }
    slugs = {product.slug for product in demo_records().products}
    named = "\n".join(blocks(README, "json"))

    assert re.findall(r"sku_\w+", named) == [public_id("sku", sku_id("GENSHIN-MONTHLY"))]
    assert set(re.findall(r"sku_\w+", named)) <= ids
    assert set(re.findall(r'"slug": "([^"]+)"', named)) <= slugs


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_decision_has_all_its_parts_and_names_its_enforcer(page: Path) -> None:
    text = text_of(page)
    title, *_ = text.splitlines()

    assert title.startswith(f"# {page.name[:4]} ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS_OF_A_DECISION
    enforcer = text.partition("## What enforces it")[2]
    assert re.search(r"`(tests/|platform/|pyproject\.toml)", enforcer)


def test_the_index_lists_every_decision_under_its_title() -> None:
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", text_of(INDEX), re.MULTILINE)
    titles = [text_of(page).splitlines()[0].removeprefix("# ") for page in PAGES]

    assert [name for _, name, _ in listed] == [page.name for page in PAGES]
    assert [f"{number} {title}" for number, _, title in listed] == titles


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in PAGES] == list(range(1, len(PAGES) + 1))


# --- the README's sale, as it is written ---------------------------------------------------------


def operations() -> dict[str, str]:
    """The README's named operations, each as a document of its own."""
    found = {}
    for example in blocks(README, "graphql"):
        for node in parse(example).definitions:
            assert isinstance(node, OperationDefinitionNode) and node.name and node.loc
            found[node.name.value] = example[node.loc.start : node.loc.end]
    return found


class Reader:
    """Somebody who does what the README says, in the order in which it says it."""

    def __init__(self, platform: Platform, world: World) -> None:
        self.platform, self.world = platform, world
        self.sku = public_id("sku", world.goods.sku_id)

    async def does(self, name: str, **variables: Any) -> Any:
        """The answer to one operation's only field."""
        by = variables.pop("by", None)
        document = operations()[name]
        data = await self.platform.ask(self.world.shop, document, variables, by=by)
        (answer,) = data.values()
        return answer


@pytest.fixture
async def reader(
    config: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> AsyncIterator[Reader]:
    world = await build_world(owner)
    async with running_platform(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        directory=tmp_path,
        from_scratch=True,
    ) as platform:
        yield Reader(platform, world)


@pytest.mark.engines
async def test_the_readmes_sales_work_as_they_are_written(reader: Reader, config: Settings) -> None:
    # Without a slash at the end, as in the README: a redirect would lose the body.
    first = await reader.platform.http.post(
        f"{reader.platform.api_url}/graphql",
        json={"query": FIRST_QUERY},
        headers={"host": reader.world.shop.host, "x-kameng-client": "demo"},
    )
    assert first.json()["data"]["products"]["edges"]

    product = await reader.does("Product", slug=reader.world.goods.slug)
    assert product["skus"][0]["id"] == reader.sku

    quote = await reader.does("Price", sku=reader.sku)
    made = await reader.does("Order", quote=quote["id"], key=str(uuid4()))
    order = {"no": made["order"]["no"], "token": made["guestToken"]}
    paying = await reader.does("Pay", **order, key=str(uuid4()))
    intent = re.search(r"/approve/(pi_\w+)", paying["actionUrl"])
    assert intent
    await reader.platform.approve(intent[1])

    assert (await reader.does("Refresh", **order))["order"]["status"] == "DELIVERED"
    look = await reader.does("Look", **order)
    (opened,) = (await reader.does("Reveal", **order))["keys"]
    proof = hashlib.sha256(bytes.fromhex(opened["salt"]) + opened["secret"].encode()).hexdigest()
    assert [proof] == made["order"]["lines"][0]["commitments"]
    assert [key["commitment"] for key in look["lines"][0]["keys"]] == [proof]

    # The same in one step, by a customer.
    buyer = await reader.world.customer(wallet_minor=50_000)
    total = quote["total"]["amountMinor"]
    made = await reader.does("QuickBuy", sku=reader.sku, total=total, key=str(uuid4()), by=buyer)

    assert made["order"]["status"] == "DELIVERED"
    assert len(made["order"]["lines"][0]["keys"]) == 1
    assert await verify(config.database_url) == []
