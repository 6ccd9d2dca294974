"""What the guard allows, by route."""

from dataclasses import dataclass, field

KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLimits:
    """The limits of one path and everything below it. Each route has its own places, so that a
    flood of one kind of request leaves room for the others."""

    path: str
    max_body_bytes: int = 64 * KIB
    max_concurrent: int = 512
    max_concurrent_per_host: int | None = None
    """So that one shop's visitors cannot take every place from the other shops'."""
    deadline_seconds: float = 2.0
    """From the first byte of the request to the first of the answer."""
    graphql: bool = False

    def covers(self, path: str) -> bool:
        """Say whether a request's path is this route's."""
        return path == self.path or path.startswith(f"{self.path}/") or self.path == "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """The whole guard's limits. The first route that covers a path counts."""

    routes: tuple[RouteLimits, ...] = (
        RouteLimits(path="/graphql", graphql=True, max_body_bytes=256 * KIB),
    )
    other: RouteLimits = field(default_factory=lambda: RouteLimits(path="/"))
    unguarded_paths: frozenset[str] = frozenset({"/healthz", "/metrics"})
    """Not counted and not timed: they must answer when nothing else does."""
    max_connections: int = 10_000
    """WebSockets and event streams together; they are long and mostly idle."""
    max_connections_per_host: int | None = 7_500
    """Three of four, as of the requests: the other shops' visitors have the rest."""
    max_websocket_message_bytes: int = 64 * KIB
    """Give this to the server as well (`ws_max_size`): it must hold a message to hand it on."""
    max_json_depth: int = 32
    body_seconds: float = 2.0
    """For a request's body to arrive; until then the request holds none of its route's places."""
    max_bodies: int = 5_000
    """Bodies that may be on their way at once."""
    drain_seconds: float = 30.0
    """How long a client may take to fetch an answer that has begun; streams are exempt."""
    retry_after_seconds: int = 1

    @classmethod
    def usual(cls, *, deadline_seconds: float = 2.0, max_concurrent: int = 512) -> "GuardSettings":
        """Give the product's routes with its settings filled in.

        Payment providers call below `/payments` and suppliers below `/suppliers`: they get places
        of their own (a paid order must be heard during a rush) and more time. Price lists are
        large and slow to make, so there are few at once.
        """
        return cls(
            routes=(
                RouteLimits(
                    path="/graphql",
                    graphql=True,
                    max_body_bytes=256 * KIB,
                    max_concurrent=max_concurrent,
                    max_concurrent_per_host=max(1, max_concurrent * 3 // 4),
                    deadline_seconds=deadline_seconds,
                ),
                *(
                    RouteLimits(
                        path=path,
                        max_body_bytes=512 * KIB,
                        max_concurrent=max(1, max_concurrent // 4),
                        deadline_seconds=deadline_seconds * 4,
                    )
                    for path in ("/payments", "/suppliers")
                ),
                *(
                    RouteLimits(
                        path=path,
                        max_body_bytes=10_000_000,
                        max_concurrent=max(1, max_concurrent // 64),
                        deadline_seconds=deadline_seconds * 10,
                    )
                    for path in ("/price-lists", "/bank-statements")
                ),
            ),
            other=RouteLimits(
                path="/", max_concurrent=max_concurrent, deadline_seconds=deadline_seconds * 2
            ),
        )

    def route_for(self, path: str) -> RouteLimits:
        """Find the limits of a request's path."""
        return next((route for route in self.routes if route.covers(path)), self.other)
