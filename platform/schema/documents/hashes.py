"""A document's name: the SHA-256 of its text."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from schema.documents.refusals import malformed

DOCUMENT_ID: Final = "documentId"
_PREFIX: Final = "sha256:"
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def hash_of(text: str) -> str:
    """Name a document: 64 hexadecimal digits over its UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_in(parameters: Mapping[str, Any]) -> str | None:
    """Read the hash that a request names its document by, or return None.

    Two spellings: `documentId: "sha256:…"`, and Apollo's `extensions.persistedQuery.sha256Hash`.
    Raises `DocumentRefused` where there is one that is no SHA-256.
    """
    document_id = parameters.get(DOCUMENT_ID)
    if document_id is not None:
        if not isinstance(document_id, str) or not document_id.startswith(_PREFIX):
            raise malformed("`documentId` must be `sha256:` and 64 hexadecimal digits.")
        return _checked(document_id.removeprefix(_PREFIX))
    persisted = (parameters.get("extensions") or {}).get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise malformed("`persistedQuery` must be of version 1.")
    return _checked(persisted.get("sha256Hash"))


def _checked(digits: object) -> str:
    if not isinstance(digits, str) or not _HASH.fullmatch(digits.lower()):
        raise malformed("A document's hash has 64 hexadecimal digits.")
    return digits.lower()
