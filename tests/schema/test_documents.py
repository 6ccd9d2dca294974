"""Documents by their hash: the manifest, automatic persisted queries, and who may send a text."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.settings import Settings
from schema.documents import DocumentLibrary, DocumentRefused, ManifestBroken, TrustedDocuments
from schema.documents.hashes import hash_of
from schema.documents.persisted import PersistedQueries
from schema.root import build_schema

SCHEMA = build_schema(production=True)
NAME = "query Name { storefront { name } }"
LOCALE = "{ storefront { locale } }"


def named(text: str) -> dict[str, Any]:
    return {"documentId": f"sha256:{hash_of(text)}"}


def apollo(text: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}, **more}


def library(*trusted: str, only_trusted: bool = False) -> DocumentLibrary:
    texts = {hash_of(text): text for text in trusted}
    return DocumentLibrary(TrustedDocuments(texts), only_trusted=only_trusted)


def refused(found: DocumentLibrary, parameters: dict[str, Any], **how: Any) -> str:
    with pytest.raises(DocumentRefused) as caught:
        found.asked(parameters, **how)
    assert caught.value.error.extensions == {"code": caught.value.code}
    return caught.value.code


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return tmp_path / "documents.json"


# --- the manifest -------------------------------------------------------------------------------


def test_a_manifest_is_read_with_and_without_the_prefix(manifest: Path) -> None:
    manifest.write_text(
        json.dumps({f"sha256:{hash_of(NAME)}": NAME, hash_of(LOCALE).upper(): LOCALE}),
        encoding="utf-8",
    )
    trusted = TrustedDocuments.read(manifest, schema=SCHEMA)
    assert (len(trusted), trusted.text(hash_of(NAME))) == (2, NAME)
    assert LOCALE in trusted
    assert "{ __typename }" not in trusted


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (json.dumps({hash_of(LOCALE): NAME}), "has the hash"),
        (json.dumps({hash_of("{ nothing }"): "{ nothing }"}), "Cannot query field"),
        (json.dumps({hash_of("{"): "{"}), "Syntax Error"),
        (json.dumps({hash_of(NAME): {"text": NAME}}), "must be an object of texts"),
        (json.dumps([NAME]), "must be an object of texts"),
        ("{", "cannot be read"),
    ],
)
def test_a_manifest_that_is_wrong_in_one_place_is_refused_at_the_start(
    manifest: Path, content: str, complaint: str
) -> None:
    manifest.write_text(content, encoding="utf-8")
    with pytest.raises(ManifestBroken, match=complaint):
        TrustedDocuments.read(manifest, schema=SCHEMA)


def test_a_manifest_that_is_not_there_is_refused_at_the_start(manifest: Path) -> None:
    with pytest.raises(ManifestBroken, match="cannot be read"):
        DocumentLibrary.of(Settings(trusted_documents=manifest), schema=SCHEMA)


def test_only_trusted_documents_without_a_manifest_is_no_setting() -> None:
    with pytest.raises(ValueError, match="KAMENG_TRUSTED_DOCUMENTS"):
        Settings(documents="trusted_only")


def test_the_settings_make_the_library(manifest: Path) -> None:
    manifest.write_text(json.dumps({hash_of(NAME): NAME}), encoding="utf-8")
    config = Settings(trusted_documents=manifest, documents="trusted_only")
    found = DocumentLibrary.of(config, schema=SCHEMA)
    assert found.asked(named(NAME)).text == NAME
    assert refused(found, {"query": LOCALE}) == "DOCUMENT_NOT_TRUSTED"
    assert DocumentLibrary.of(Settings(), schema=SCHEMA).asked({"query": LOCALE}).text == LOCALE


# --- finding a request's document ---------------------------------------------------------------


def test_a_request_is_unpacked_as_it_came() -> None:
    asked = library(NAME).asked(
        {**named(NAME), "operationName": "Name", "variables": {"a": 1}, "extensions": {"b": 2}}
    )
    assert (asked.operation_name, asked.variables, asked.extensions) == ("Name", {"a": 1}, {"b": 2})
    assert asked.trusted
    assert library().asked({"query": NAME, "variables": None}).variables == {}
    assert not library().asked({"query": NAME}).trusted


@pytest.mark.parametrize("naming", [named, apollo])
def test_a_trusted_document_is_found_by_its_hash_in_both_spellings(naming: Any) -> None:
    assert library(NAME, only_trusted=True).asked(naming(NAME)).text == NAME
    assert refused(library(LOCALE), naming(NAME)) == "PERSISTED_QUERY_NOT_FOUND"


def test_an_unknown_hash_is_answered_in_apollos_words() -> None:
    with pytest.raises(DocumentRefused, match="^PersistedQueryNotFound$"):
        library().asked(apollo(NAME))


def test_a_text_that_came_with_its_hash_once_is_known_from_then_on() -> None:
    found = library()
    assert found.asked(apollo(NAME, query=NAME)).text == NAME
    again = found.asked(apollo(NAME))
    assert (again.text, again.trusted) == (NAME, False)


@pytest.mark.parametrize("trusted", [(), (NAME,)])
def test_a_text_with_anothers_hash_is_refused_and_forgotten(trusted: tuple[str, ...]) -> None:
    found = library(*trusted)
    assert refused(found, apollo(NAME, query=LOCALE)) == "PERSISTED_QUERY_MISMATCH"
    assert refused(found, apollo(LOCALE)) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "parameters",
    [
        {"documentId": "md5:0"},
        {"documentId": "sha256:"},
        {"documentId": f"sha256:{'g' * 64}"},
        {"documentId": hash_of(NAME)},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": hash_of(NAME)}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 5}}},
        {"extensions": {"persistedQuery": "text"}},
    ],
)
def test_what_is_no_hash_is_refused(parameters: dict[str, Any]) -> None:
    assert refused(library(NAME), {**parameters, "query": NAME}) == "BAD_REQUEST"


def test_where_only_trusted_documents_are_executed_no_other_text_is_taken() -> None:
    found = library(NAME, only_trusted=True)
    assert found.asked({"query": NAME}).text == NAME
    assert refused(found, {"query": LOCALE}) == "DOCUMENT_NOT_TRUSTED"
    assert refused(found, {"query": f"{NAME} "}) == "DOCUMENT_NOT_TRUSTED"
    assert refused(found, apollo(LOCALE, query=LOCALE)) == "DOCUMENT_NOT_TRUSTED"
    assert refused(found, apollo(LOCALE)) == "PERSISTED_QUERY_NOT_FOUND"


def test_only_the_manifest_answers_to_get() -> None:
    found = library(NAME)
    found.asked(apollo(LOCALE, query=LOCALE))
    assert found.asked(named(NAME), by_get=True).trusted
    assert refused(found, apollo(LOCALE), by_get=True) == "PERSISTED_QUERY_NOT_FOUND"
    assert refused(found, {"query": NAME}, by_get=True) == "METHOD_NOT_ALLOWED"


# --- the memory of persisted queries ------------------------------------------------------------


def test_the_memory_is_bounded_and_keeps_what_is_used() -> None:
    texts = [f"{{ {'a' * 25}{n} }}" for n in range(3)]  # 30 characters each
    each_bytes = sys.getsizeof(texts[0]) + 250
    memory = PersistedQueries(max_bytes=3 * each_bytes + 20)
    for text in texts:
        memory.keep(hash_of(text), text)
    assert memory.text(hash_of(texts[0])) == texts[0]
    memory.keep(hash_of(NAME), NAME)
    kept = [memory.text(hash_of(text)) is not None for text in (*texts, NAME)]
    assert kept == [True, False, True, True]
    assert len(memory) == 3


def test_a_tiny_text_takes_what_its_place_takes_and_a_wide_one_what_its_letters_take() -> None:
    memory = PersistedQueries(max_bytes=10_000)
    for number in range(100):
        memory.keep(f"tiny {number}", "")
    assert len(memory) < 40
    for number in range(100):
        memory.keep(f"wide {number}", "\N{KEY}" * 1_000)
    assert len(memory) <= 2


def test_a_text_that_no_request_may_have_is_not_kept() -> None:
    memory = PersistedQueries()
    memory.keep("digest", "x" * 20_001)
    assert len(memory) == 0
