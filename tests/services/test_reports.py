"""Daily reports to other domains that ask for them: DMARC aggregate reports and TLS reports."""

import base64
import email
import gzip
import json
import ssl
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from xml.etree import ElementTree

import pytest
import trustme

from mailcore import core as cores
from mailcore.config import Config, Dns, Reports
from mailcore.domain import Disposition, Envelope, Verdict
from mailcore.services.operations import reports
from mailcore.services.webmail import remote_pictures
from mailcore.store.queue import reports as store
from mailcore.store.queue.items import list_items, read_octets
from tests.outside import dns_server, txt

ZONE = {
    ("_dmarc.asks.example", "TXT"): [
        txt("v=DMARC1; p=reject; adkim=s; rua=mailto:d@asks.example!10m, mailto:x@spy.example")
    ],
    ("_dmarc.paid.example", "TXT"): [txt("v=DMARC1; p=none; rua=mailto:r@helper.example")],
    ("paid.example._report._dmarc.helper.example", "TXT"): [txt("v=DMARC1;")],
    ("_dmarc.silent.example", "TXT"): [txt("v=DMARC1; p=none")],
    ("_smtp._tls.asks.example", "TXT"): [txt("v=TLSRPTv1; rua=mailto:tls@asks.example")],
}
FIELD = (
    b"Authentication-Results: mx.alumni.example;\r\n\tspf=pass smtp.mailfrom=asks.example;\r\n"
    b"\tdkim=fail header.d=asks.example header.s=k;\r\n\tdmarc=pass header.from=asks.example\r\n"
)


@pytest.fixture
def core(tmp_path, clock):
    with dns_server(ZONE, broken=("broken.example",)) as dns:
        made = cores.build(Config(data=str(tmp_path), dns=Dns((dns,)), reports=Reports(tls=True, dmarc=True)), clock)
        yield made
        cores.close(made)


def judged(core, author: str, ip: str = "192.0.2.1", **more) -> None:
    verdict = Verdict(
        author=author, spf="pass", dmarc="pass", policy="reject", spf_aligned=True, outside=True, field=FIELD, **more
    )
    core.db.write(lambda tx: reports.count_dmarc(core, tx, Envelope(f"a@{author}", (), ip, "mail.x.example"), verdict))


def sent(core) -> dict[str, email.message.Message]:
    items = core.db.read(list_items)
    return {
        item.recipient: email.message_from_bytes(core.db.read(lambda tx, item=item: read_octets(tx, core.blobs, item)))
        for item in items
        if item.origin == "report"
    }


def attachment(message) -> bytes:
    return gzip.decompress(base64.b64decode(message.get_payload()[1].get_payload()))


def test_a_domain_that_asks_hears_what_came_in_its_name(core, clock):
    for _ in range(3):
        judged(core, "asks.example")
    judged(core, "news.asks.example", "198.51.100.7", disposition=Disposition.REFUSE)
    judged(core, "silent.example")
    reports.send_reports(core)
    assert sent(core) == {}  # the day is not over
    clock.forward(days=1)
    reports.send_reports(core)
    found = sent(core)
    assert set(found) == {"d@asks.example"}  # whom nobody vouches for does not get them
    assert "Report Domain: asks.example Submitter: alumni.example" in found["d@asks.example"]["Subject"]
    assert core.db.read(lambda tx: store.list_days(tx, table="dmarc_result", before="9999")) == []
    reports.send_reports(core)
    assert len(core.db.read(list_items)) == 2  # once each for the domain and what is below it


def test_the_report_is_as_the_standard_has_it(core, clock):
    for _ in range(3):
        judged(core, "asks.example")
    clock.forward(days=1)
    reports.send_reports(core)
    [message] = sent(core).values()
    root = ElementTree.fromstring(attachment(message))
    assert root.findtext("policy_published/domain") == "asks.example"
    assert root.findtext("policy_published/adkim") == "s"
    [record] = root.findall("record")
    assert [
        record.findtext(path)
        for path in (
            "row/source_ip",
            "row/count",
            "row/policy_evaluated/disposition",
            "row/policy_evaluated/spf",
            "identifiers/header_from",
            "auth_results/spf/result",
            "auth_results/dkim/domain",
            "auth_results/dkim/result",
        )
    ] == ["192.0.2.1", "3", "none", "pass", "asks.example", "pass", "asks.example", "fail"]
    begin, end = (int(root.findtext(f"report_metadata/date_range/{name}") or 0) for name in ("begin", "end"))
    assert end - begin == 86_399


def test_a_strangers_greeting_does_not_make_the_report_unreadable(core, clock):
    """Octets that XML does not know, in what a message without a sender says of its server."""
    verdict = Verdict(author="asks.example", spf="none", dmarc="fail", policy="reject", outside=True, field=FIELD)
    envelope = Envelope("", (), "192.0.2.1", "mail\x01\x1b<&\ufffe.example")
    core.db.write(lambda tx: reports.count_dmarc(core, tx, envelope, verdict))
    clock.forward(days=1)
    reports.send_reports(core)
    [message] = sent(core).values()
    root = ElementTree.fromstring(attachment(message))
    assert root.findtext("record/auth_results/spf/domain") == "mail??<&?.example"


def test_another_domain_gets_them_only_if_it_agrees(core, clock):
    judged(core, "paid.example")
    clock.forward(days=1)
    reports.send_reports(core)
    assert set(sent(core)) == {"r@helper.example"}


def test_how_tls_went_is_told(core, clock):
    def count(tx):
        for kind in ("", "", "certificate-expired"):
            store.count_tls(tx, f"{clock.now():%Y-%m-%d}", "asks.example", "sts", "mx.asks.example", kind)

    core.db.write(count)
    clock.forward(days=1)
    reports.send_reports(core)
    [message] = sent(core).values()
    assert message["TLS-Report-Domain"] == "asks.example"
    assert message.get_content_type() == "multipart/report"
    found = json.loads(attachment(message))
    [policy] = found["policies"]
    assert policy["summary"] == {"total-successful-session-count": 2, "total-failure-session-count": 1}
    assert policy["failure-details"] == [
        {"result-type": "certificate-expired", "failed-session-count": 1, "receiving-mx-hostname": "mx.asks.example"}
    ]


class Taker(BaseHTTPRequestHandler):
    """Takes reports, or answers with `status`."""

    status = 200
    took: ClassVar[list[tuple[str, str, bytes]]] = []

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        self.took.append((self.path, self.headers["Content-Type"], octets))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def taker(tmp_path, monkeypatch):
    """A server with a certificate for taker.example; gives its port."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("taker.example").configure_cert(context)
    Taker.status, Taker.took = 200, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def went(core, clock, domain: str) -> None:
    """One connection of yesterday, told now."""
    core.db.write(
        lambda tx: store.count_tls(tx, f"{clock.now():%Y-%m-%d}", domain, "sts", "mx.x.example", "certificate-expired")
    )
    clock.forward(days=1)
    reports.send_reports(core)


def left(core) -> bool:
    return bool(core.db.read(lambda tx: store.list_days(tx, table="tls_result", before="9999")))


def test_a_domain_that_asks_for_it_hears_by_https_how_tls_went(core, clock, taker, monkeypatch):
    monkeypatch.setitem(ZONE, ("taker.example", "A"), ["127.0.0.1"])
    record = txt(f"v=TLSRPTv1; rua=https://taker.example:{taker}/v1?of=tls,mailto:tls@web.example")
    monkeypatch.setitem(ZONE, ("_smtp._tls.web.example", "TXT"), [record])
    monkeypatch.setattr(remote_pictures, "is_public", lambda address: str(address) == "127.0.0.1")
    went(core, clock, "web.example")
    [(path, kind, octets)] = Taker.took
    assert (path, kind) == ("/v1?of=tls", "application/tlsrpt+gzip")
    found = json.loads(gzip.decompress(octets))
    assert [policy["summary"]["total-failure-session-count"] for policy in found["policies"]] == [1]
    assert set(sent(core)) == {"tls@web.example"}
    assert not left(core)


def test_who_does_not_take_it_now_is_asked_again_and_forgotten_after_three_days(core, clock, taker, monkeypatch):
    monkeypatch.setitem(ZONE, ("taker.example", "A"), ["127.0.0.1"])
    record = txt(f"v=TLSRPTv1; rua=https://taker.example:{taker}/")
    monkeypatch.setitem(ZONE, ("_smtp._tls.web.example", "TXT"), [record])
    monkeypatch.setattr(remote_pictures, "is_public", lambda address: str(address) == "127.0.0.1")
    Taker.status = 503
    went(core, clock, "web.example")
    assert left(core)
    Taker.status = 201
    reports.send_reports(core)
    assert not left(core)
    reports.send_reports(core)
    assert len(Taker.took) == 2
    Taker.status = 503
    went(core, clock, "web.example")
    clock.forward(days=4)
    reports.send_reports(core)
    assert not left(core)


@pytest.mark.parametrize("host", ["taker.example", "other.example", "127.0.0.1"])
def test_reports_reach_neither_into_our_network_nor_whom_no_authority_knows(core, clock, taker, monkeypatch, host):
    monkeypatch.setitem(ZONE, ("taker.example", "A"), ["127.0.0.1"])
    monkeypatch.setitem(ZONE, ("other.example", "A"), ["127.0.0.1"])  # the certificate has another name
    monkeypatch.setitem(ZONE, ("_smtp._tls.web.example", "TXT"), [txt(f"v=TLSRPTv1; rua=https://{host}:{taker}/")])
    if host == "other.example":
        monkeypatch.setattr(remote_pictures, "is_public", lambda address: str(address) == "127.0.0.1")
    went(core, clock, "web.example")
    assert not Taker.took


def test_dns_that_does_not_answer_is_asked_again_for_three_days(core, clock):
    judged(core, "broken.example")
    clock.forward(days=1)
    reports.send_reports(core)
    assert core.db.read(lambda tx: store.list_days(tx, table="dmarc_result", before="9999"))
    clock.forward(days=4)
    reports.send_reports(core)
    assert core.db.read(lambda tx: store.list_days(tx, table="dmarc_result", before="9999")) == []


def test_without_the_switch_nothing_is_sent(core, clock):
    judged(core, "asks.example")
    clock.forward(days=1)
    reports.send_reports(replace(core, config=replace(core.config, reports=Reports())))
    assert sent(core) == {}
