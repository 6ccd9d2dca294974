"""From what a request says to the text that is executed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from kernel.settings import Settings
from schema.compiled_schema import CompiledSchema
from schema.documents.hashes import hash_in, hash_of
from schema.documents.manifest import TrustedDocuments
from schema.documents.persisted import PersistedQueries
from schema.documents.refusals import mismatch, not_for_get, not_found, not_trusted


@dataclass(frozen=True, slots=True)
class AskedDocument:
    """One request: its document's text, and what it wants to have executed of it."""

    text: str
    trusted: bool
    """Of the manifest: the shop's own storefront may ask it, and a cache may hold its answer."""
    operation_name: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    extensions: dict[str, Any] | None = None


class DocumentLibrary:
    """Finds a request's document. `only_trusted` refuses every text that is not in the manifest."""

    def __init__(self, trusted: TrustedDocuments, *, only_trusted: bool = False) -> None:
        self._trusted = trusted
        self._only_trusted = only_trusted
        self._persisted = PersistedQueries()

    @classmethod
    def of(cls, config: Settings, *, schema: CompiledSchema) -> Self:
        """Make the library that the settings describe.

        Raises `ManifestBroken` for a manifest that cannot be used.
        """
        file = config.trusted_documents
        trusted = (
            TrustedDocuments({}) if file is None else TrustedDocuments.read(file, schema=schema)
        )
        return cls(trusted, only_trusted=config.documents == "trusted_only")

    def asked(self, parameters: Mapping[str, Any], *, by_get: bool = False) -> AskedDocument:
        """Find a request's document.

        `parameters` are those of GraphQL over HTTP, of the right types. Raises `DocumentRefused`
        for a document that is unknown, forged or not trusted. To GET only the manifest answers.
        """
        text = self._text(parameters, by_get=by_get)
        return AskedDocument(
            text=text,
            trusted=text in self._trusted,
            operation_name=parameters.get("operationName"),
            variables=parameters.get("variables") or {},
            extensions=parameters.get("extensions"),
        )

    def _text(self, parameters: Mapping[str, Any], *, by_get: bool) -> str:
        digest, sent = hash_in(parameters), parameters.get("query")
        if digest is None:
            if sent is None or by_get:
                raise not_for_get() if by_get else not_found()
            return self._permitted(sent)
        if (text := self._trusted.text(digest)) is not None:
            if sent is not None and sent != text:
                raise mismatch()
            return text
        if by_get:
            raise not_found()
        return self._persisted_text(digest, sent)

    def _persisted_text(self, digest: str, sent: str | None) -> str:
        if sent is None:
            known = self._persisted.text(digest)
            if known is None:
                raise not_found()
            return known
        if hash_of(sent) != digest:
            raise mismatch()
        self._persisted.keep(digest, self._permitted(sent))
        return sent

    def _permitted(self, text: str) -> str:
        if self._only_trusted and text not in self._trusted:
            raise not_trusted()
        return text
