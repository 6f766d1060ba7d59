"""CWE-400, CWE-770: hundreds of clients that send an octet now and then stop nobody, directly and behind deploy/nginx.conf."""

import contextlib
import http.client
import random
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.journeys.conftest import PASSWORD, House, build, build_once, sink  # noqa: F401 - fixtures
from tests.machine import free_port, listens, program, running, until

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = 300
pytestmark = [pytest.mark.slow, pytest.mark.interop]


def post(path: str, length: int, more: str = "") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: alumni.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {length}\r\n{more}\r\n"
    ).encode()


KINDS: dict[str, tuple[bytes, bytes]] = {  # what is sent at once, and what then comes octet by octet
    "bodies": (post("/login", 1000), b"x" * 1000),
    "large bodies": (post("/takeout/bring", 8 * 2**30), b"x" * 1000),
    "heads": (b"GET / HTTP/1.1\r\nHost: alumni.example\r\nX-Slow: ", b"x" * 1000),
    "nothing": (b"", b""),
    "first octets": (b"P", b"OST"),
    "answers nobody reads": (b"GET /faq HTTP/1.1\r\nHost: alumni.example\r\n\r\n" * 3, b""),
    "half closed": (b"GET /faq HTTP/1.1\r\nHost: alumni.example\r\nConnection: close\r\n\r\n", b""),
    "chunks": (
        b"POST /login HTTP/1.1\r\nHost: alumni.example\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 100,
    ),
}  # fmt: skip


@contextlib.contextmanager
def slow_clients(connect: Callable[[int], socket.socket], kind: str) -> Iterator[None]:
    """`CLIENTS` of them, each with an octet in a second of its own (one in twenty seconds is no worse for a server)."""
    first, rest = KINDS[kind]
    stop = threading.Event()
    everybody: list[socket.socket] = []

    def drip() -> None:
        turns = random.Random(1)
        while not stop.wait(0.01):
            with contextlib.suppress(OSError):
                if rest:
                    everybody[turns.randrange(len(everybody))].send(rest[:1])

    for number in range(CLIENTS):
        with contextlib.suppress(OSError):
            one = connect(number)
            one.setblocking(False)
            everybody.append(one)
            one.send(first)
    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        yield
    finally:
        stop.set()
        dripping.join()
        for one in everybody:
            one.close()


def health(talk: http.client.HTTPConnection) -> None:
    talk.request("GET", "/health")
    answer = talk.getresponse()
    assert (answer.status, answer.read()) == (200, b"ok\n")


def log_in(talk: http.client.HTTPConnection, host: str) -> None:
    talk.request("GET", "/login", headers={"Host": host})
    answer = talk.getresponse()
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.read().decode())
    assert token
    form = urlencode({"csrf_token": token[1], "username": "ola", "password": PASSWORD})
    fields = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", "Host": host}
    talk.request("POST", "/login", form, fields)
    answer = talk.getresponse()
    answer.read()
    assert answer.status == 303


SOON = 5.0  # seconds, and four times as long as without them: who is stopped waits for the time-out of a connection


def quickest(work: Callable[[], None], tries: int = 3) -> float:
    """Seconds: a machine on which other tests run may stand still once."""
    found = []
    for _ in range(tries):
        began = time.monotonic()
        work()
        found.append(time.monotonic() - began)
    return min(found)


@pytest.fixture(scope="module")
def house(build_once: Callable[..., House]) -> House:  # noqa: F811
    made = build_once(workers=1, more="[web]\nproxies = 1\n")
    made.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    return made


@pytest.fixture(scope="module")
def nginx(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Debian's, with the shipped site; only names, ports and paths are others.  The port of TLS."""
    tmp_path = tmp_path_factory.mktemp("nginx")
    certificate = tmp_path / "tls"
    certificate.mkdir()
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=alumni.example",
            "-keyout",
            certificate / "privkey.pem",
            "-out",
            certificate / "fullchain.pem",
        ],
        check=True,
        capture_output=True,
    )
    plain, secure = free_port(), free_port()
    site = (ROOT / "deploy/nginx.conf").read_text()
    for ours, theirs in (
        ("/etc/alumnimail/tls", str(certificate)),
        ("127.0.0.1:8080", f"127.0.0.1:{house.ports['http']}"),
        ("alumni.university.example", "alumni.example"),
    ):
        assert ours in site
        site = site.replace(ours, theirs)
    site = re.sub(r"\n\s*listen \[::\]:\d+.*?;", "", site)
    site = re.sub(r"listen 80\b", f"listen 127.0.0.1:{plain}", site)
    site = re.sub(r"listen 443\b", f"listen 127.0.0.1:{secure}", site)
    (tmp_path / "site.conf").write_text(site)
    temporary = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"daemon off;\npid {tmp_path}/pid;\nerror_log {tmp_path}/errors;\nworker_processes 1;\n"
        "events { worker_connections 768; }\n"  # as Debian has it
        f"http {{\naccess_log off;\n{temporary}include {tmp_path}/site.conf;\n}}\n"
    )
    command = [program("nginx"), "-c", str(main), "-p", str(tmp_path)]
    with running(command, tmp_path, lambda: listens(secure)):
        yield secure


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def house_alone(build_once: Callable[..., House]) -> House:  # noqa: F811
    """Build one with nothing in front of it."""
    made = build_once(workers=1)
    made.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_stop_nobody(house_alone: House, kind: str) -> None:
    port = house_alone.ports["http"]

    def ask(work: Callable[[http.client.HTTPConnection], None]) -> None:
        talk = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        work(talk)
        talk.close()

    little = SOON + 4 * quickest(lambda: ask(health))
    much = SOON + 4 * quickest(lambda: ask(lambda talk: log_in(talk, "alumni.example")))
    with slow_clients(lambda number: socket.create_connection(("127.0.0.1", port), 20), kind):
        assert quickest(lambda: ask(health)) < little
        assert quickest(lambda: ask(lambda talk: log_in(talk, "alumni.example"))) < much


@pytest.mark.parametrize("kind", ["bodies", "large bodies", "heads", "nothing", "chunks"])
@pytest.mark.parametrize("places", ["one place", "many places"])
def test_slow_clients_stop_nobody_behind_nginx(house: House, nginx: int, kind: str, places: str) -> None:
    context = _tls()

    def connect(number: int) -> socket.socket:
        source = f"127.0.{1 + number % 50}.1" if places == "many places" else "127.0.0.1"
        raw = socket.create_connection(("127.0.0.1", nginx), 20, (source, 0))
        return context.wrap_socket(raw, server_hostname="alumni.example")

    def ask(work: Callable[[http.client.HTTPConnection], None]) -> None:
        talk = http.client.HTTPSConnection("127.0.0.1", nginx, timeout=60, context=context)
        work(talk)
        talk.close()

    little = SOON + 4 * quickest(lambda: ask(health))
    much = SOON + 4 * quickest(lambda: ask(lambda talk: log_in(talk, "alumni.example")))
    with slow_clients(connect, kind):
        assert quickest(lambda: ask(health)) < little
        assert quickest(lambda: ask(lambda talk: log_in(talk, "alumni.example"))) < much


def _ends(raw: socket.socket, seconds: float) -> bytes:
    """Return what the server sends until it closes, which must be within that time."""
    raw.settimeout(seconds)
    said = b""
    while octets := raw.recv(65_536):
        said += octets
    return said


@pytest.mark.parametrize(
    ("kind", "code"),
    [("bodies", b"408"), ("heads", b"408"), ("first octets", b"408"), ("chunks", b"411"), ("nothing", b"")],
)
def test_who_is_too_slow_is_told_so_and_closed(build: Callable[..., House], kind: str, code: bytes) -> None:  # noqa: F811
    made = build(more="[web]\nrequest_seconds = 2\n")
    with socket.create_connection(("127.0.0.1", made.ports["http"])) as raw:
        raw.sendall(KINDS[kind][0])
        said = _ends(raw, 20)
    assert said.partition(b"\r\n")[0].split(b" ")[1:2] == ([code] if code else [])


def test_the_servers_of_before_are_not_needed_for_a_slow_but_steady_form(build: Callable[..., House]) -> None:  # noqa: F811
    made = build(more="[web]\nrequest_seconds = 2\nrequest_rate = 100\n")
    with socket.create_connection(("127.0.0.1", made.ports["http"]), 60) as raw:
        raw.sendall(post("/login", 1000))
        for _ in range(20):
            raw.sendall(b"x" * 50)
            time.sleep(0.2)  # 250 octets a second: four seconds in all
        assert raw.recv(100).startswith(b"HTTP/1.1 400")  # read to its end: it has no token


def test_one_address_makes_room_for_its_own_newest(build: Callable[..., House]) -> None:  # noqa: F811
    made = build(more="[web]\nconnections_per_address = 20\n")
    made.stop()
    made.config.write_text(made.config.read_text().replace('trusted = ["127.0.0.0/8"]', "trusted = []"))
    made.start()
    port = made.ports["http"]

    def ask() -> None:
        talk = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        health(talk)
        talk.close()

    little = SOON + 4 * quickest(ask)
    with slow_clients(lambda number: socket.create_connection(("127.0.0.1", port), 20), "bodies"):
        assert quickest(ask) < little
        assert until(lambda: _connections(port) <= 20)


def _connections(port: int) -> int:
    """Those that are established, seen from the server."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(line[1].endswith(f":{port:04X}") and line[3] == "01" for line in lines)
