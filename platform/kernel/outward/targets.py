"""A URL that a stranger has written, read strictly: what is not plainly an address is none. Pure.

Parsers disagree about odd URLs (backslashes, user names, control characters, numbers in place of
a name), and each disagreement is a way past a check. So there is one spelling, and the rest is
refused: `https`, a lower-case host name of letters, digits and hyphens, a port that is allowed,
a path and a query in plain ASCII.
"""

import re
from dataclasses import dataclass
from typing import Final

from kernel.errors import Refusal
from kernel.settings import Settings

MAX_URL_LETTERS: Final = 500

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: no number in any base is a name.
_NAME: Final = (
    rf"(?=[a-z0-9.-]{{4,253}}(?::|/|\?|$))(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])"
)
_REST: Final = r"(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*)?(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@/%?]*)?"
_URL: Final = re.compile(rf"(https)://({_NAME})(?::([1-9][0-9]{{0,4}}))?({_REST})", re.ASCII)
_LOOPBACK_URL: Final = re.compile(
    rf"(https?)://(127\.0\.0\.1|localhost|{_NAME})(?::([1-9][0-9]{{0,4}}))?({_REST})", re.ASCII
)
# Names that mean something in one network alone.
_LOCAL_NAMES: Final = (
    ".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".corp", ".home",
    ".private", ".arpa", ".onion",
)  # fmt: skip
_PORTS: Final = {"http": 80, "https": 443}


class AddressRefused(Refusal):
    """This address is not called: it is not public, or not written plainly."""

    code = "ADDRESS_REFUSED"


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be called once its name has been looked up."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query; at least `/`."""

    @property
    def host_header(self) -> str:
        """The host as HTTP names it."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"


def target_of(url: str, config: Settings, *, field: str | None = "url") -> Target:
    """Read a URL; raises `AddressRefused`.

    Demo and tests may allow this machine's own addresses (`outward_loopback`): then `http`, any
    port and `127.0.0.1` are fine, and what they lead to must be this machine.
    """
    pattern = _LOOPBACK_URL if config.outward_loopback else _URL
    found = pattern.fullmatch(url) if len(url) <= MAX_URL_LETTERS else None
    if found is None:
        raise AddressRefused(
            "Write the address as https://name.example/path, in small plain letters.", field=field
        )
    scheme, host, port_text, rest = found.groups()
    port = int(port_text) if port_text else _PORTS[scheme]
    if not config.outward_loopback:
        if host.endswith(_LOCAL_NAMES):
            raise AddressRefused("This address is not public.", field=field)
        if port not in config.outward_port_numbers:
            raise AddressRefused("This port is not called.", field=field)
    elif port > 65_535:
        raise AddressRefused("This port is not called.", field=field)
    return Target(scheme, host, port, rest if rest.startswith("/") else f"/{rest}")
