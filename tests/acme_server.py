"""A certificate authority of one's own on loopback: pebble, with a DNS in which every name is this machine."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.machine import free_port, listens, program, running

KEY_ID = "of-the-university"
HMAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
REFUSED_NONCES = 30  # of a hundred


@dataclass(frozen=True)
class Authority:
    """`ca` is to be trusted for the server itself; it asks at `http_port` and `tls_port`."""

    directory: str
    ca: Path
    http_port: int
    tls_port: int


@contextmanager
def serving(folder: Path, *, wants_binding: bool = False) -> Iterator[Authority]:
    """Run an authority that knows no account; with `wants_binding` only one that is bound to KEY_ID may order."""
    server, dns = program("pebble"), program("pebble-challtestsrv")
    port, management, dns_port, dns_management = free_port(), free_port(), free_port(), free_port()
    authority = Authority(f"https://127.0.0.1:{port}/dir", folder / "ca.pem", free_port(), free_port())
    issuer = trustme.CA()
    issuer.cert_pem.write_to_path(str(authority.ca))
    certificate = issuer.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(folder / "server.pem"), append=True)
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "server.pem"),
        "privateKey": str(folder / "server.key"),
        "httpPort": authority.http_port,
        "tlsPort": authority.tls_port,
        "externalAccountBindingRequired": wants_binding,
        "externalAccountMACKeys": {KEY_ID: HMAC_KEY} if wants_binding else {},
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    names = [dns, "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns_port}", "-management", f"127.0.0.1:{dns_management}"]
    names += ["-http01", "", "-https01", "", "-tlsalpn01", ""]
    # it asks at once, and each time; that it refuses nonces is what clients must bear
    command = [
        "env",
        "PEBBLE_VA_NOSLEEP=1",
        "PEBBLE_AUTHZREUSE=0",
        f"PEBBLE_WFE_NONCEREJECT={REFUSED_NONCES}",
        f"PATH={os.environ['PATH']}",
        server,
    ]
    command += ["-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{dns_port}"]
    with (
        running(names, folder, lambda: listens(dns_management)),
        running(command, folder, lambda: listens(port)),
    ):
        yield authority
