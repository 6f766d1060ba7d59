"""`serve` on sockets that systemd opened: nobody who connects before it listens, or between two starts, is refused."""

import contextlib
import socket
import ssl
import subprocess
import urllib.request

import pytest

from tests.journeys.conftest import House, handing
from tests.machine import listens

pytestmark = [pytest.mark.interop, pytest.mark.slow]

HANDED = {"smtp": b"220 ", "imap": b"* OK", "imaps": b"* OK", "managesieve": b'"IMPL', "http": b"HTTP/1.1 200"}
REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def greeting(peer: socket.socket, name: str, house: House) -> bytes:
    peer.settimeout(120)
    with contextlib.ExitStack() as stack:
        stack.enter_context(peer)
        if name == "http":
            peer.sendall(REQUEST)
        if name == "imaps":
            trusted = ssl.create_default_context(cafile=str(house.folder / "var/tls/ca.pem"))
            peer = stack.enter_context(trusted.wrap_socket(peer, server_hostname="localhost"))
        return peer.makefile("rb").readline()


def test_who_connects_before_it_starts_or_while_it_is_down_is_greeted(tmp_path, sink):
    """None of these sockets may be bound once more, so each process that listens there has the one that was handed over."""
    house = House(tmp_path, sink, workers=2, metrics=True)
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_server(("127.0.0.1", house.ports[name]))) for name in (*HANDED, "metrics")
        ]
        stray = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        house.handed = (*opened, stray)
        stack.callback(house.kill)
        for house.workers in (2, 0):
            peers = {
                name: stack.enter_context(socket.create_connection(("127.0.0.1", house.ports[name]), 60))
                for name in HANDED
            }
            house.start()
            for name, peer in peers.items():
                assert greeting(peer, name, house).startswith(HANDED[name]), name
            assert listens(house.ports["submission"])  # was not handed over
            metrics = urllib.request.urlopen(f"http://127.0.0.1:{house.ports['metrics']}/metrics", timeout=60)
            with metrics as answer:
                assert b"alumnimail_database_answers 1.0\n" in answer.read()
            house.stop()
            assert not listens(house.ports["submission"])
        named = f"systemd hands over 127.0.0.1:{stray.getsockname()[1]}, which no setting of [listen] names"
        assert (tmp_path / "log").read_text().count(named) == 2


def test_what_nobody_can_listen_on_is_refused_in_one_line(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        done = subprocess.run(
            [*handing([datagrams]), str(House.program), "serve"],
            pass_fds=[datagrams.fileno()], capture_output=True, text=True, timeout=120, cwd=tmp_path,
        )  # fmt: skip
        address = f"127.0.0.1:{datagrams.getsockname()[1]}"
    assert f"systemd hands over {address}, which is no listening stream socket" in done.stderr
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert not list(tmp_path.iterdir())
