"""Several mail processes: limits count together; SIGTERM while a message comes in loses and doubles nothing."""

import re
import signal
import socket
import ssl
import urllib.request

import pytest
from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD, House, Sink
from tests.machine import free_port, listens, until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


LIMIT = 7


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Two mail processes that trust nobody."""
    sink = Sink()
    made = House(
        tmp_path_factory.mktemp("house"), sink, workers=2, more=f"stop_seconds = 8\nconnections_per_address = {LIMIT}"
    )
    settings = made.config.read_text().replace('trusted = ["127.0.0.0/8"]', "")
    made.ports["metrics"] = free_port()
    made.config.write_text(settings.replace("[listen]\n", f'[listen]\nmetrics = "127.0.0.1:{made.ports["metrics"]}"\n'))
    made.start()
    yield made
    made.kill()
    sink.stop()


@pytest.mark.parametrize(
    ("port", "welcome", "refusal"),
    [
        ("smtp", b"220 ", b"421 4.7.0 Too many connections from your address\r\n"),
        ("imap", b"* OK", b"* BYE Too many connections from your address\r\n"),
        ("managesieve", b'"IMPL', b'BYE "Too many connections from your address"\r\n'),
    ],
)
def test_processes_count_the_connections_of_an_address_together(house, port, welcome, refusal):
    """The kernel spreads connections over the processes as it likes: each of them must know of all."""
    peers: list[socket.socket] = []

    def all_are_welcome() -> bool:
        peers[:] = [socket.create_connection(("127.0.0.1", house.ports[port]), 60) for _ in range(LIMIT)]
        heard = {peer.recv(4) for peer in peers}
        for peer in peers if heard != {welcome[:4]} else []:
            peer.close()
        return heard == {welcome[:4]}

    for _ in range(2):  # and forget those that went, as soon as they hear of it
        assert until(all_are_welcome)
        for _ in range(6):
            with socket.create_connection(("127.0.0.1", house.ports[port]), 60) as refused:
                heard = b""
                while block := refused.recv(999):
                    heard += block
                assert heard == refusal
        for peer in peers:
            peer.close()


def shown(port: int) -> bytes:
    """The certificate that a new connection sees."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port), timeout=60))


def test_a_new_certificate_is_shown_and_one_without_its_key_is_not(house):
    tls, ports = house.folder / "var/tls", (house.ports["imaps"], house.ports["submissions"])
    old, before = {file.name: file.read_bytes() for file in tls.iterdir()}, shown(ports[0])
    for file in tls.iterdir():
        file.unlink()
    house.run("init")
    new = ssl.PEM_cert_to_DER_cert(
        (tls / "server.pem").read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    )
    assert new != before
    house.process.send_signal(signal.SIGHUP)
    for _ in range(8):  # whichever process answers
        assert until(lambda: {shown(port) for port in ports} == {new})
    (tls / "server.key").write_bytes(old["server.key"])
    house.process.send_signal(signal.SIGHUP)
    assert until(lambda: b"the certificate stays as it was" in (house.folder / "log").read_bytes())
    assert {shown(port) for _ in range(4) for port in ports} == {new}
    for name, octets in old.items():
        (tls / name).write_bytes(octets)
    assert until(lambda: {shown(ports[0]) for _ in range(6)} == {before})  # without being told


def test_a_message_on_its_way_in_when_the_server_stops_is_answered_and_kept(house):
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    peers = [socket.create_connection(("127.0.0.1", house.ports["smtp"]), 60) for _ in range(4)]
    lines = [peer.makefile("rb") for peer in peers]
    begun = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ola@alumni.example>\r\nDATA\r\n"
    for peer, heard in zip(peers, lines, strict=True):
        peer.sendall(begun if peer is not peers[0] else b"NOOP\r\n")
        wanted = b"354" if peer is not peers[0] else b"250"
        while not heard.readline().startswith(wanted):
            pass
    house.process.terminate()
    assert until(lambda: not listens(house.ports["smtp"]))
    assert lines[0].readline().startswith(b"421 4.3.2")
    for number in (1, 2):
        peers[number].sendall(
            b"From: a@b.example\r\nSubject: %d\r\n\r\n" % number + b"x" * 60 + b"\r\n" * 9000 + b".\r\n"
        )
        assert lines[number].readline().startswith(b"250 2.0.0")
        assert lines[number].readline().startswith(b"421 4.3.2")
    assert lines[3].readline().startswith(b"421 4.3.2")  # it never sent the rest
    assert house.process.wait(60) == 0
    house.process = None
    for peer in peers:
        peer.close()
    house.start()
    trusted = ssl.create_default_context(cafile=str(house.folder / "var/tls/ca.pem"))
    with IMAPClient("localhost", house.ports["imaps"], ssl=True, ssl_context=trusted) as client:
        client.login("ola", PASSWORD)
        client.select_folder("INBOX", readonly=True)
        found = [item[b"ENVELOPE"].subject for item in client.fetch(client.search(), ["ENVELOPE"]).values()]
    assert sorted(found)[:2] == [b"1", b"2"]
    assert len(found) == 3  # and the welcome


def test_one_of_the_processes_tells_how_all_is(house):
    with urllib.request.urlopen(f"http://127.0.0.1:{house.ports['metrics']}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    assert "alumnimail_database_answers 1.0\n" in text
    looked = dict(re.findall(r'alumnimail_loop_lag_seconds_count\{(kind="\w+",number="\d+")\} (\S+)', text))
    assert set(looked) >= {'kind="mail",number="1"', 'kind="mail",number="2"', 'kind="queue",number="1"'}
    assert all(float(looks) > 0 for kind, looks in looked.items() if "portal" not in kind)
    assert 'alumnimail_write_wait_seconds_bucket{kind="mail",le="0.001",number="1"}' in text
