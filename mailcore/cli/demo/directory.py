"""A small LDAP server for the demo, so that `make run` shows the university's log-in without a university (RFC 4511).

Just what services/credentials/directory.py asks for: simple bind, search by equality and presence with and, or, not, in pages
(RFC 2696), unbind.  Anything else is answered by unwillingToPerform.  Loopback only, no TLS, nothing is ever written.
BER is read and written here: the definitions that ldap3 brings cannot read a filter within a filter.
"""

import hmac
import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mailcore.config import host_and_port
from mailcore.errors import ConfigError

# result codes (RFC 4511 section 4.1.9)
SUCCESS, NO_SUCH_OBJECT, WRONG_PASSWORD, NO_ACCESS, UNWILLING = 0, 32, 49, 50, 53
# tags of BER, and of what is asked and answered (RFC 4511 section 4.2 and after)
INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x30, 0x31
BIND, UNBIND, SEARCH, ENTRY, DONE, ABANDON = 0x60, 0x42, 0x63, 0x64, 0x65, 0x50
SIMPLE, CONTROLS = 0x80, 0xA0
AND, OR, NOT, EQUAL, PRESENT = 0xA0, 0xA1, 0xA2, 0xA3, 0x87
PAGED = b"1.2.840.113556.1.4.319"
BASE_OBJECT, SINGLE_LEVEL, SUBTREE = 0, 1, 2
MOST_OCTETS = 65_536  # of one request
IDLE_SECONDS = 600

Element = tuple[int, bytes]  # tag and content


@dataclass(frozen=True, slots=True)
class Person:
    """One entry; it binds with its password, which no search tells.  `attributes`: by name in small letters."""

    dn: str
    attributes: Mapping[str, Sequence[str]]
    password: str

    def values(self, attribute: str) -> Sequence[str]:
        return self.attributes.get(attribute.lower(), ())


@contextmanager
def running(address: str, people: Sequence[Person], readers: Mapping[str, str]) -> Iterator[None]:
    """Answer on `HOST:PORT` in threads until the end.

    Args:
        readers: passwords by DN of those who may bind without being a person.

    Raises:
        ConfigError: the port is taken.
    """
    try:
        server = _Server(host_and_port(address), people, readers)
    except OSError as problem:
        raise ConfigError(f"the demo directory cannot listen on {address}: {problem}") from None
    with server:
        threading.Thread(target=server.serve_forever, name="demo directory", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], people: Sequence[Person], readers: Mapping[str, str]) -> None:
        self.people = people
        self.passwords = {name.lower(): password for name, password in readers.items()}
        self.passwords |= {person.dn.lower(): person.password for person in people}
        super().__init__(address, _Connection)


class _Unwilling(Exception):
    """A request that this directory does not serve; the text says which."""


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    timeout = IDLE_SECONDS

    def setup(self) -> None:
        super().setup()
        self._bound = False

    def handle(self) -> None:
        try:
            while message := self._request():
                (_, number), (asked, request), *controls = _parts(message)
                if asked == UNBIND:
                    return
                if asked != ABANDON:  # which has no answer (RFC 4511 section 4.11)
                    self._number = number
                    self._answer(asked, _parts(request) if asked in (BIND, SEARCH) else [], controls)
        except (OSError, ValueError, RecursionError):
            return  # the peer is gone, or speaks no LDAP

    def _request(self) -> bytes:
        """Read the content of one LDAPMessage; nothing at the end, or if it is too long."""
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] != SEQUENCE:
            return b""
        length = head[1] if head[1] < 0x80 else int.from_bytes(self.rfile.read(head[1] & 0x7F), "big")
        content = self.rfile.read(length) if length <= MOST_OCTETS else b""
        return content if len(content) == length else b""

    def _answer(self, asked: int, request: list[Element], controls: list[Element]) -> None:
        # an answer has the number after its request's; between search and its end stand the entries
        done = DONE if asked == SEARCH else 0x60 | (asked & 0x1F) + 1
        try:
            if asked == BIND:
                self._send(done, _result(*self._bind(request)))
            elif asked == SEARCH:
                self._search(request, controls)
            else:
                raise _Unwilling("this directory is only read")
        except _Unwilling as problem:
            self._send(done, _result(UNWILLING, str(problem)))

    def _bind(self, request: list[Element]) -> tuple[int, str]:
        """Bind, and return result code and text (RFC 4513 section 5.1)."""
        self._bound = False
        _, (_, name), (method, given) = request
        if method != SIMPLE:
            raise _Unwilling("simple bind only")
        if not given:
            # it would be no proof of anything (RFC 4513 section 5.1.2)
            raise _Unwilling("an empty password proves nothing")
        kept = self.server.passwords.get(name.decode().lower())
        self._bound = kept is not None and hmac.compare_digest(kept.encode(), given)
        return (SUCCESS, "") if self._bound else (WRONG_PASSWORD, "")

    def _search(self, request: list[Element], controls: list[Element]) -> None:
        if not self._bound:
            return self._send(DONE, _result(NO_ACCESS, "bind first"))
        (_, name), (_, scope), _, _, _, _, asked, (_, attributes) = request
        base = name.decode().lower()
        if not any(_within(person.dn, base, SUBTREE) for person in self.server.people):
            return self._send(DONE, _result(NO_SUCH_OBJECT))
        reach = int.from_bytes(scope, "big")
        found = [p for p in self.server.people if _within(p.dn, base, reach) and _matches(p, asked)]
        page, answer = _page(found, controls)
        wanted = {value.decode().lower() for _, value in _parts(attributes)}
        for person in page:
            self._send(ENTRY, _entry(person, wanted))
        return self._send(DONE, _result(SUCCESS), answer)

    def _send(self, kind: int, content: bytes, controls: bytes = b"") -> None:
        self.wfile.write(_element(SEQUENCE, _element(INTEGER, self._number), _element(kind, content), controls))


def _parts(octets: bytes) -> list[Element]:
    """Parse the elements in the content of another (X.690 section 8.1).  Raises ValueError."""
    found, at = [], 0
    while at < len(octets):
        tag, length, at = octets[at], int.from_bytes(octets[at + 1 : at + 2], "big"), at + 2
        if length >= 0x80:
            more = length & 0x7F
            length, at = int.from_bytes(octets[at : at + more], "big"), at + more
        if at + length > len(octets):
            raise ValueError("an element is longer than what holds it")
        found.append((tag, octets[at : at + length]))
        at += length
    return found


def _element(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes(4, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _result(code: int, text: str = "") -> bytes:
    """Encode an LDAPResult (RFC 4511 section 4.1.9)."""
    return _element(ENUMERATED, bytes([code])) + _element(OCTETS) + _element(OCTETS, text.encode())


def _within(dn: str, base: str, scope: int) -> bool:
    """Say if the entry is under `base` (small letters), within the scope (RFC 4511 section 4.5.1.2)."""
    dn = dn.lower()
    if scope == BASE_OBJECT:
        return dn == base
    if scope == SINGLE_LEVEL:
        return dn.partition(",")[2] == base
    return dn == base or dn.endswith("," + base)


def _matches(person: Person, asked: Element) -> bool:
    """filter = and / or / not / equalityMatch / present (RFC 4511 section 4.5.1.7); letters' case does not count."""
    kind, content = asked
    if kind == AND:
        return all(_matches(person, one) for one in _parts(content))
    if kind == OR:
        return any(_matches(person, one) for one in _parts(content))
    if kind == NOT:
        (inner,) = _parts(content)
        return not _matches(person, inner)
    if kind == PRESENT:
        return bool(person.values(content.decode()))
    if kind == EQUAL:
        (_, attribute), (_, value) = _parts(content)
        return value.decode().lower() in [one.lower() for one in person.values(attribute.decode())]
    raise _Unwilling("filters by equality and presence only")


def _page(found: Sequence[Person], controls: list[Element]) -> tuple[Sequence[Person], bytes]:
    """Cut the requested page out of the results, and encode the response control with its cookie (RFC 2696).

    The cookie is the number of people already sent.
    """
    for _, control in _parts(controls[0][1]) if controls else ():
        (_, kind), *_, (_, value) = _parts(control)
        if kind != PAGED:
            continue
        ((_, asked),) = _parts(value)
        (_, size), (_, cookie) = _parts(asked)
        begin = int(cookie or b"0")
        end = begin + int.from_bytes(size, "big")
        # a page of nothing gives the search up
        further = str(end).encode() if begin < end < len(found) else b""
        told = _element(SEQUENCE, _element(INTEGER, b"\0"), _element(OCTETS, further))
        answer = _element(SEQUENCE, _element(OCTETS, PAGED), _element(OCTETS, told))
        return found[begin:end], _element(CONTROLS, answer)
    return found, b""


def _entry(person: Person, wanted: set[str]) -> bytes:
    """Encode a SearchResultEntry with the wanted attributes; none or `*` is all of them (RFC 4511 section 4.5.1.8)."""
    told = [
        _element(
            SEQUENCE,
            _element(OCTETS, name.encode()),
            _element(SET, *[_element(OCTETS, value.encode()) for value in values]),
        )
        for name, values in person.attributes.items()
        if not wanted or "*" in wanted or name in wanted
    ]
    return _element(OCTETS, person.dn.encode()) + _element(SEQUENCE, *told)
