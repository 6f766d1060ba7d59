"""The milter protocol of Sendmail, version 6, seen from the mail server: packets to write and to read.  No I/O.

packet = length (4 octets, of what follows), command (1 octet), data
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

VERSION = 6
MAX_PACKET = 2**20
CHUNK = 65_535  # octets of body in one packet
ADD_HEADERS, CHANGE_HEADERS, QUARANTINE = 0x01, 0x10, 0x20
# What a filter does not want to hear, and what it does not answer
NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT, NO_BODY, NO_HEADERS, NO_EOH, NO_DATA = (
    0x1,
    0x2,
    0x4,
    0x8,
    0x10,
    0x20,
    0x40,
    0x200,
)
SKIP = 0x400
QUIET_HEADER, QUIET_CONNECT, QUIET_HELO, QUIET_MAIL, QUIET_RCPT = 0x80, 0x1000, 0x2000, 0x4000, 0x8000
QUIET_DATA, QUIET_EOH, QUIET_BODY = 0x10000, 0x40000, 0x80000
OFFERED = 0x0FFFFF & ~0x900  # all but unknown commands and refused recipients, which are not shown


class MilterProblem(Exception):
    """The filter says what the protocol does not know."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter's answer to our offer."""

    actions: int
    steps: int


def packet(command: bytes, data: bytes = b"") -> bytes:
    return struct.pack("!I", len(data) + 1) + command + data


def offer() -> bytes:
    return packet(b"O", struct.pack("!III", VERSION, ADD_HEADERS | CHANGE_HEADERS | QUARANTINE, OFFERED))


def wanted(data: bytes) -> Wanted:
    """Read the data of its answer `O`.  Raises MilterProblem."""
    if len(data) < 12:
        raise MilterProblem("a short answer to the offer")
    version, actions, steps = struct.unpack("!III", data[:12])
    if not 2 <= version <= VERSION:
        raise MilterProblem(f"version {version}")
    return Wanted(actions, steps)


def text(*words: str) -> bytes:
    """Write words that end with NUL; none inside."""
    return b"".join(word.replace("\0", "").encode("utf-8", "surrogateescape") + b"\0" for word in words)


def macros(command: bytes, values: Sequence[tuple[str, str]]) -> bytes:
    """Write the packet of macros that belong to `command`."""
    return packet(b"D", command + text(*(word for pair in values for word in pair)))


def connect(host: str, address: str) -> bytes:
    if not address:
        return packet(b"C", text(host) + b"U")
    family = b"6" if ":" in address else b"4"
    named = f"IPv6:{address}" if family == b"6" else address
    return packet(b"C", text(host) + family + struct.pack("!H", 0) + text(named))


def body(octets: Sequence[bytes]) -> Iterator[bytes]:
    for block in octets:
        for at in range(0, len(block), CHUNK):
            yield packet(b"B", block[at : at + CHUNK])


def words(data: bytes) -> list[str]:
    """Read the NUL-ended words of an answer."""
    return [word.decode("utf-8", "replace") for word in data.split(b"\0")[:-1]]


@dataclass(frozen=True, slots=True)
class Added:
    """A field that the filter wants to stand in the header."""

    name: str
    value: str


def added(command: bytes, data: bytes) -> Added | None:
    """Parse the field of `h` (add) or `i` (insert at a place); None if it is no field."""
    if command == b"i":
        data = data[4:]
    found = words(data)
    return Added(found[0], found[1]) if len(found) >= 2 else None
