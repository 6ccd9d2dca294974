"""Why a request's document is not executed, before anybody has read it."""

from typing import Final

from graphql import GraphQLError

from schema.limits.refusals import refusal

NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
MISMATCH: Final = "PERSISTED_QUERY_MISMATCH"
NOT_TRUSTED: Final = "DOCUMENT_NOT_TRUSTED"
MALFORMED: Final = "BAD_REQUEST"
NOT_FOR_GET: Final = "METHOD_NOT_ALLOWED"


class DocumentRefused(Exception):
    """The document is unknown, forged or not trusted; carries the answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.error: GraphQLError = refusal(code, message)


def malformed(message: str) -> DocumentRefused:
    """Say that what should name a document does not."""
    return DocumentRefused(MALFORMED, message)


def not_found() -> DocumentRefused:
    """Say that nobody has told us this hash's text.

    The words are Apollo's: its clients look for them, and send the text with their next request.
    """
    return DocumentRefused(NOT_FOUND, "PersistedQueryNotFound")


def mismatch() -> DocumentRefused:
    """Say that a text has another hash than the one sent with it."""
    return DocumentRefused(MISMATCH, "The hash is not that of the document's text.")


def not_trusted() -> DocumentRefused:
    """Say that only the manifest's documents are executed here."""
    return DocumentRefused(NOT_TRUSTED, "This address executes trusted documents only.")


def not_for_get() -> DocumentRefused:
    """Say that a document changes something, or is not trusted."""
    message = "Only trusted queries are answered to GET. Send this one by POST."
    return DocumentRefused(NOT_FOR_GET, message)


def needs_http() -> DocumentRefused:
    """Say that whoever asks is looked at anew with each request, which a socket
    does not make."""
    message = "A WebSocket is for subscriptions. Send queries and mutations by POST."
    return DocumentRefused(MALFORMED, message)


def needs_socket() -> DocumentRefused:
    """Say that a subscription has more than one answer."""
    return DocumentRefused(MALFORMED, "Send subscriptions over a WebSocket.")
