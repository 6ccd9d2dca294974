"""What the server knows, and what it answers: pure, a message in and a message out."""

from dataclasses import dataclass, field
from enum import StrEnum

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TTL_SECONDS = 1
LONGEST_STRING = 255  # bytes, RFC 1035
LONGEST_UDP = 512
_CHAIN = 5


class Fault(StrEnum):
    """What the server does wrong when it is asked for a name."""

    SILENCE = "SILENCE"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    NOT_DNS = "NOT_DNS"
    OTHER_VALUE = "OTHER_VALUE"
    CNAME_CHAIN = "CNAME_CHAIN"
    CNAME_CIRCLE = "CNAME_CIRCLE"
    MANY_STRINGS = "MANY_STRINGS"
    HUGE = "HUGE"


@dataclass
class Zone:
    """TXT values by name, faults by name, and how often each name was asked for."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, question: bytes, *, by_udp: bool) -> bytes | None:
        """Answer a message; None says nothing at all."""
        query = dns.message.from_wire(question)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        fault = self.faults.get(name)
        if fault is Fault.SILENCE:
            return None
        if fault is Fault.NOT_DNS:
            return b"this is no DNS"
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(self._rcode(name, fault))
        if response.rcode() == dns.rcode.NOERROR:
            response.answer = self._records(name, fault)
        wire: bytes = response.to_wire(max_size=65_535)
        if by_udp and len(wire) > LONGEST_UDP:
            return _truncated(query)
        return wire

    def _rcode(self, name: str, fault: Fault | None) -> dns.rcode.Rcode:
        if fault is Fault.SERVFAIL:
            return dns.rcode.SERVFAIL
        if fault is Fault.REFUSED:
            return dns.rcode.REFUSED
        is_known = name in self.texts or fault is not None
        return dns.rcode.NOERROR if is_known else dns.rcode.NXDOMAIN

    def _records(self, name: str, fault: Fault | None) -> list[dns.rrset.RRset]:
        texts = self.texts.get(name, [])
        if fault is Fault.OTHER_VALUE:
            texts = ["somebody-elses=1"]
        elif fault is Fault.MANY_STRINGS:
            texts = [*(f"noise-{number}=1" for number in range(40)), *texts]
        elif fault is Fault.HUGE:
            texts = [*("x" * 2_000 + str(number) for number in range(20)), *texts]
        if fault in (Fault.CNAME_CHAIN, Fault.CNAME_CIRCLE):
            hops = [name, *(f"hop-{number}.{name}" for number in range(_CHAIN))]
            ends_at = name if fault is Fault.CNAME_CIRCLE else f"end.{name}"
            chain = [
                _cname(one, other) for one, other in zip(hops, [*hops[1:], ends_at], strict=True)
            ]
            return chain if fault is Fault.CNAME_CIRCLE else [*chain, *_txt(ends_at, texts)]
        return _txt(name, texts)


def _cname(name: str, target: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{name}.", TTL_SECONDS, "IN", "CNAME", f"{target}.")


def _txt(name: str, texts: list[str]) -> list[dns.rrset.RRset]:
    if not texts:
        return []
    return [dns.rrset.from_text(f"{name}.", TTL_SECONDS, "IN", "TXT", *map(_quoted, texts))]


def _quoted(text: str) -> str:
    """A value in strings of at most 255 bytes, as a zone file writes them."""
    parts = [text[at : at + LONGEST_STRING] for at in range(0, len(text), LONGEST_STRING)]
    return " ".join(f'"{part}"' for part in parts)


def _truncated(query: dns.message.Message) -> bytes:
    """Say over UDP that the answer is to be asked for over TCP."""
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.TC
    wire: bytes = response.to_wire()
    return wire
