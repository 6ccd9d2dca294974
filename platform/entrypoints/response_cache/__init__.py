"""Answers about the public catalogue, kept for as long as they are true.

`cache.py` decides what is true, `memory.py` keeps it, `http.py` stands before the GraphQL view,
`headers.py` tells browsers and proxies.
"""

from entrypoints.response_cache.cache import CacheKey, ResponseCache
from entrypoints.response_cache.headers import not_modified, public_headers
from entrypoints.response_cache.http import CachedView

__all__ = ["CacheKey", "CachedView", "ResponseCache", "not_modified", "public_headers"]
