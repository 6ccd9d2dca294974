"""Trusted documents: a file that maps hashes to texts, made when a storefront is built.

    {"sha256:0a1b…": "query Catalogue($first: Int!) { … }", …}

The prefix may be left out. It is what client tools write (Relay's persisted queries as they are;
Apollo's manifest with its texts by id). Every text must have the hash that it stands under, and
must pass the same gate as a document that comes with a request; a file that does not is refused
at the start, not at the first request.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from graphql import specified_rules

from schema.compiled_schema import CompiledSchema
from schema.documents.hashes import hash_of

_MAX_BYTES = 16 * 1024 * 1024
_PREFIX = "sha256:"


class ManifestBroken(Exception):
    """The manifest cannot be used; says what is wrong with it."""


class TrustedDocuments:
    """The documents of a manifest by their hash."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)
        self._known = frozenset(texts.values())

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, text: str) -> bool:
        return text in self._known

    def text(self, digest: str) -> str | None:
        """Give a document by its hash, or None."""
        return self._texts.get(digest)

    @classmethod
    def read(cls, file: Path, *, schema: CompiledSchema) -> Self:
        """Read a manifest; raises `ManifestBroken` unless all of it is good."""
        return cls({_hash_of_entry(key, text): text for key, text in _entries(file, schema)})


def _entries(file: Path, schema: CompiledSchema) -> list[tuple[str, str]]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ManifestBroken(f"{file} is larger than {_MAX_BYTES} bytes.")
        parsed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestBroken(f"{file} cannot be read: {error}") from error
    if not isinstance(parsed, dict) or not all(isinstance(text, str) for text in parsed.values()):
        raise ManifestBroken(f"{file} must be an object of texts by their hash.")
    for key, text in parsed.items():
        _require_good(key, text, schema)
    return list(parsed.items())


def _hash_of_entry(key: str, text: str) -> str:
    digest = hash_of(text)
    if key.removeprefix(_PREFIX).lower() != digest:
        raise ManifestBroken(f"The text under {key} has the hash {digest}.")
    return digest


def _require_good(key: str, text: str, schema: CompiledSchema) -> None:
    prepared = schema.gate.prepare(text, schema=schema._schema, rules=tuple(specified_rules))
    if prepared.errors:
        raise ManifestBroken(f"The document {key} is refused: {prepared.errors[0].message}")
