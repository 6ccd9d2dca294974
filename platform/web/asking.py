"""Asking the schema, in process: one document a page, loaded from `documents/` once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from graphql import GraphQLError

from schema.root import schema
from web.visit import Visit

_FOLDER: Final = Path(__file__).parent / "documents"
# A fragment that a guest may not ask for has a form for guests, which asks for nothing.
_WALLET: Final = {True: "wallet_of_customer", False: "wallet_of_guest"}
_CONTACTS: Final = {True: "contacts_of_customer", False: "contacts_of_guest"}
_STATUS_OF_CODE: Final = {
    "NOT_FOUND": 404,
    "TENANT_RESTRICTED": 404,
    "FORBIDDEN": 403,
    "VALIDATION": 400,
    "BAD_INPUT": 400,
    "RATE_LIMITED": 429,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was refused, in the visitor's language; `field` names the input."""

    code: str
    message: str
    field: str | None = None


class Refused(Exception):
    """A mutation was refused; the form is shown again with the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class PageRefused(Exception):
    """There is no page to show; carries the HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def ask(visit: Visit, name: str, **variables: Any) -> dict[str, Any]:
    """Execute a page's document for the visitor and return its data.

    Raises `PageRefused` where the schema refuses the whole page.
    """
    result = await schema.execute(
        _document(name, visit.context.customer_id is not None),
        variable_values={**variables, "locale": "en" if visit.context.english else "zh-CN"},
        context_value=visit.context,
    )
    if result.errors or result.data is None:
        raise PageRefused(_status(result.errors or ()))
    return result.data


async def act(visit: Visit, name: str, **values: Any) -> dict[str, Any]:
    """Execute a document with one mutation and return what it made.

    `values` are the mutation's `input`. Raises `Refused` with the schema's problem.
    """
    data = await ask(visit, name, input=values)
    (made,) = data.values()
    if made["__typename"] == "Problem":
        raise Refused(Problem(made["code"], made["message"], made["field"]))
    outcome: dict[str, Any] = made
    return outcome


@lru_cache
def _document(name: str, signed_in: bool) -> str:
    """The text of a document with the fragments that it spreads."""
    text = (_FOLDER / f"{name}.graphql").read_text(encoding="utf-8")
    fragments = {
        "Wallet": _WALLET[signed_in],
        "Contacts": _CONTACTS[signed_in],
        "Problem": "problem",
        "Quote": "quote",
    }
    parts = [
        (_FOLDER / "fragments" / f"{file}.graphql").read_text(encoding="utf-8")
        for fragment, file in fragments.items()
        if f"...{fragment}\n" in text
    ]
    return "\n".join([text, *parts])


def _status(errors: Sequence[GraphQLError]) -> int:
    codes = [str((error.extensions or {}).get("code")) for error in errors]
    return next((_STATUS_OF_CODE[code] for code in codes if code in _STATUS_OF_CODE), 500)
