"""The request guard: the outermost layer, which nothing malformed or endless gets past.

It decides from bytes, headers and counters alone, before any other code of ours runs: how long a
body may be, whether it is the JSON that GraphQL over HTTP means, how many requests run at once,
and how long each may take. Its answers have one form, `{"errors": [{"message", "extensions":
{"code", "requestId"}}]}`, and it never answers 5xx for something that the client sent.
"""

from entrypoints.guard.bodies import GRAPHQL_BODY
from entrypoints.guard.limits import GuardSettings, RouteLimits
from entrypoints.guard.middleware import RequestGuard

__all__ = ["GRAPHQL_BODY", "GuardSettings", "RequestGuard", "RouteLimits"]
