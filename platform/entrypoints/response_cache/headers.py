"""What browsers and proxies may do with an answer that everybody may see."""

from typing import Final

FRESH_SECONDS: Final = 1
"""As long as a change of a price may take to be seen on a cached page."""
STALE_SECONDS: Final = 4
"""A proxy may go on showing it for so long, while it asks for the next one."""


def public_headers(etag: str) -> dict[str, str]:
    """Make the headers of a public answer with this tag.

    For GET of a trusted document without a token, and for its 304: the two have the same headers.
    """
    return {
        "etag": etag,
        "cache-control": f"public, max-age={FRESH_SECONDS}, stale-while-revalidate={STALE_SECONDS}",
        "vary": "accept-language, authorization, host",
    }


def not_modified(if_none_match: str, etag: str) -> bool:
    """Say whether the client has this answer already (`If-None-Match`)."""
    if if_none_match.strip() == "*":
        return True
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return etag in tags
