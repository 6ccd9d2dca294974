"""Answers about the public catalogue, kept for as long as they are true.

`questions.py` says what is asked, `cache.py` decides what is true, `memory.py` keeps it, and
`headers.py` tells browsers and proxies. `entrypoints/graphql_http.py` asks here first.
"""

from entrypoints.response_cache.cache import CacheKey, Compute, ResponseCache
from entrypoints.response_cache.headers import not_modified, public_headers
from entrypoints.response_cache.memory import Entry
from entrypoints.response_cache.questions import key_of

__all__ = [
    "CacheKey",
    "Compute",
    "Entry",
    "ResponseCache",
    "key_of",
    "not_modified",
    "public_headers",
]
