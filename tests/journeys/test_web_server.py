"""The portal's web server in one process: no server for developers, quick to end, whoever is still connected (RFC 9112)."""

import http.client
import os
import re
import socket
from urllib.parse import urlencode

import pytest

from mailcore.cli import web_server

pytestmark = [pytest.mark.slow, pytest.mark.interop]
PASSWORD = "correct horse battery"


def _stream(talk: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """A page that is held open for news."""
    talk.request("GET", "/login")
    answer = talk.getresponse()
    cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.read().decode())[1]
    form = urlencode({"csrf_token": token, "username": "ola", "password": PASSWORD})
    talk.request("POST", "/login", form, {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
    answer = talk.getresponse()
    answer.read()
    cookies = dict(value.partition(";")[0].split("=", 1) for value in answer.headers.get_all("Set-Cookie"))
    talk.request("GET", "/mail/live", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
    answer = talk.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.readline().startswith(b"retry:")
    return answer


@pytest.mark.parametrize("workers", [0, 1], ids=["one process", "several"])
def test_the_portal_is_served_by_a_server_for_production_and_ends_at_once(build, workers):
    house = build(workers=workers)
    house.run("user", "add", "ola", "--password-stdin", given=PASSWORD)
    talk = http.client.HTTPConnection("127.0.0.1", house.ports["http"], timeout=60)
    for _ in range(2):  # the connection is kept
        talk.request("GET", "/health")
        answer = talk.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok\n")
        assert "werkzeug" not in answer.headers.get("Server", "").lower()
        assert answer.version == 11
    stream = _stream(talk)
    slow = socket.create_connection(("127.0.0.1", house.ports["http"]))
    slow.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nuser")  # and never the rest
    house.stop()  # long before the stream would end by itself
    if not workers:
        assert stream.read().strip() == b""  # it was brought to its end, not cut off
    slow.close()
    stream.close()
    talk.close()


def test_two_requests_of_different_length_cannot_be_smuggled(build):
    house = build()
    four = b"Content-Length: 4\r\n"
    for lengths in (four + b"Content-Length: 5", four + b"Transfer-Encoding: chunked", b"Content-Length: -1"):
        with socket.create_connection(("127.0.0.1", house.ports["http"]), 10) as raw:
            raw.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\n\r\nabcd")
            assert raw.recv(100).split()[1] == b"400", lengths


def test_the_portal_goes_on_when_the_shell_that_started_it_is_gone(monkeypatch):
    def page(_environ, start):
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]

    server = web_server.InProcess("127.0.0.1:0", page, lambda: None)
    monkeypatch.setattr(os, "getppid", lambda: 1)
    for _ in range(4):
        talk = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        talk.request("GET", "/", headers={"Connection": "close"})
        assert talk.getresponse().read() == b"ok"
        talk.close()
    server.stop()
