"""Forms: read with bounds, and taken only from our own pages in the same browser."""

import hmac
import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from web.visit import VISITOR, Visit

CSRF_FIELD: Final = "form_token"
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 30
_MAX_TEXT: Final = 16_000
"""Characters: of a cart's order, a signed quote and what was said for twenty lines."""
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class FormRefused(Exception):
    """The form is not one of ours, or not a form at all; carries the HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Form:
    """The texts of a form by their names; of a name that comes twice the first counts."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    def text(self, name: str) -> str:
        """Give a field without spaces at its ends; "" when it is not there."""
        return self.texts.get(name, "").strip()

    @property
    def said(self) -> dict[str, str]:
        """What is filled in for the goods, by the names of their fields."""
        prefix = "form."
        names = (name for name in self.texts if name.startswith(prefix))
        return {name.removeprefix(prefix): self.text(name) for name in names}

    @property
    def said_values(self) -> list[dict[str, str]]:
        """The same as the schema takes it; what is left empty is left out."""
        return [{"fieldName": name, "value": text} for name, text in self.said.items() if text]

    def number(self, name: str) -> int | None:
        """Give a field's whole number; None for anything else."""
        text = self.text(name)
        return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


async def read_form(visit: Visit) -> Form:
    """Read the request's form; `FormRefused` for a foreign or broken one."""
    media_type = visit.request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != _MEDIA_TYPE:
        raise FormRefused(415)
    form = Form(_parsed(await visit.request.body()))
    if _from_another_site(visit) or not _from_this_browser(visit, form):
        raise FormRefused(403)
    return form


def new_key() -> str:
    """Make an idempotency key for one rendering of a form.

    Whoever sends the form twice sends the same key, and buys once.
    """
    return uuid4().hex


def _parsed(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MAX_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise FormRefused(400) from None
    # No text of PostgreSQL's holds U+0000.
    if any(len(text) > _MAX_TEXT or "\0" in text for _, text in pairs):
        raise FormRefused(400)
    return dict(reversed(pairs))


def _from_another_site(visit: Visit) -> bool:
    """True when the browser says so. A page with `no-referrer` sends `Origin: null`."""
    headers = visit.request.headers
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return True
    origin = headers.get("origin", "null")
    return origin != "null" and urlsplit(origin).netloc != headers.get("host", "")


def _from_this_browser(visit: Visit, form: Form) -> bool:
    """True when the form carries the token of the browser's own cookie."""
    if visit.cookie(VISITOR) != visit.visitor:
        return False  # no cookie, or none of ours: this visit's name is brand new
    return hmac.compare_digest(form.text(CSRF_FIELD).encode(), visit.csrf_token.encode())
