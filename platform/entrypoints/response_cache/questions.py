"""A guest's question about the public catalogue: what its answer is kept under."""

import hashlib
from collections.abc import Iterable
from typing import Final

import orjson
from starlette.requests import HTTPConnection

from entrypoints.response_cache.cache import CacheKey
from schema.context import ANONYMOUS, prefers_english
from schema.documents import AskedDocument
from tenants.directory import Shop

_ENGLISH: Final = f"{ANONYMOUS}:en"
_CHINESE: Final = f"{ANONYMOUS}:zh"


def key_of(
    asked: AskedDocument, connection: HTTPConnection, *, declared: Iterable[str]
) -> CacheKey:
    """Name what the answer to a guest depends on.

    However the document was sent, by its text or by its hash, the question is the same; variables
    that the operation has not `declared` are no part of it.
    """
    shop: Shop = connection.scope["kameng.shop"]
    variables = [(name, asked.variables[name]) for name in declared if name in asked.variables]
    question = orjson.dumps([asked.text, asked.operation_name, variables])
    return CacheKey(
        shop.id, shop.version, _audience(shop, connection), hashlib.sha256(question).digest()
    )


def _audience(shop: Shop, connection: HTTPConnection) -> str:
    english = prefers_english(shop, connection.headers.get("accept-language", ""))
    return _ENGLISH if english else _CHINESE
