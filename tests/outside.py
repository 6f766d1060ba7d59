"""The world outside, for tests: a DNS server on loopback that answers from a table."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingUDPServer

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zone = dict[tuple[str, str], list[str]]  # (name, kind): texts as in a zone file


def txt(text: str) -> str:
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))


class _Server(ThreadingUDPServer):
    """A server whose answers stand beside it."""

    zone: Zone
    broken: tuple[str, ...]
    secure: tuple[str, ...]
    slow: tuple[str, ...]


class _Handler(BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        octets, sock = self.request
        query = dns.message.from_wire(octets)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name, kind = str(question.name).rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        zone: Zone = self.server.zone
        if any(name == slow or name.endswith("." + slow) for slow in self.server.slow):
            return
        if any(name == broken or name.endswith("." + broken) for broken in self.server.broken):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in zone:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *zone[name, kind]))
        elif not any(known == name or known.endswith("." + name) for known, _ in zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if any(name == safe or name.endswith("." + safe) for safe in self.server.secure):
            answer.flags |= dns.flags.AD
        wire = answer.to_wire()
        if len(wire) > 1232:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            wire = short.to_wire()
        sock.sendto(wire, self.client_address)


@contextmanager
def dns_server(
    zone: Zone, broken: tuple[str, ...] = (), secure: tuple[str, ...] = (), slow: tuple[str, ...] = ()
) -> Iterator[str]:
    """`ADDRESS:PORT` of a server for `zone`.

    Names under `broken` answer SERVFAIL, names under `secure` have the AD bit, of names under `slow` nothing is heard.
    """
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.zone, server.broken, server.secure, server.slow, server.daemon_threads = zone, broken, secure, slow, True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
