"""Where the demo's servers listen."""

from entrypoints.embedded.processes import port_is_free

TRIES = 50


def first_free_port(preferred: int, *, avoid: frozenset[int] = frozenset()) -> int:
    """Return `preferred`, or the next port of 127.0.0.1 that is free.

    Errors: OSError when the next 50 are taken, too.
    """
    for port in range(preferred, preferred + TRIES):
        if port not in avoid and port_is_free(port):
            return port
    raise OSError(f"The ports {preferred} to {preferred + TRIES - 1} are all taken.")
