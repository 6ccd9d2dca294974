"""A guest's question about the public catalogue: what its answer is kept under."""

import hashlib

import orjson
from starlette.requests import HTTPConnection

from entrypoints.response_cache.cache import CacheKey
from schema.context import ANONYMOUS, prefers_english
from schema.documents import AskedDocument
from schema.public_reads import is_public_read
from tenants.directory import Shop


def is_public(asked: AskedDocument) -> bool:
    """This function will say whether a guest's answer may be anybody's."""
    return is_public_read(asked.text, asked.operation_name)


def key_of(asked: AskedDocument, connection: HTTPConnection) -> CacheKey:
    """This function will name what the answer to a guest depends on.

    However the document was sent, by its text or by its hash, the question is the same.
    """
    shop: Shop = connection.scope["kameng.shop"]
    question = orjson.dumps([asked.text, asked.operation_name, asked.variables])
    return CacheKey(
        shop.id, shop.version, _audience(shop, connection), hashlib.sha256(question).digest()
    )


def _audience(shop: Shop, connection: HTTPConnection) -> str:
    english = prefers_english(shop, connection.headers.get("accept-language", ""))
    return f"{ANONYMOUS}:{'en' if english else 'zh'}"
