"""The set-up page and every set-up format are parsed, compared with each other, and logged in with (S17a, S17b, S17c)."""

import base64
import gc
import hashlib
import imaplib
import json
import plistlib
import re
import smtplib
import socket
import ssl
import urllib.error
import urllib.request
from html import unescape
from xml.etree import ElementTree

import pytest

from tests.journeys.conftest import PASSWORD, Browser, House
from tests.machine import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    # imaplib and smtplib leave their plain sockets to the garbage collector after STARTTLS
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
ADDRESS = "ola@alumni.example"
Way = tuple[str, str, int, str]  # purpose, host, port, security
OUTLOOK = (
    '<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">'
    f"<Request><EMailAddress>{ADDRESS}</EMailAddress></Request></Autodiscover>"
)


def get(house: House, path: str, data: str | None = None) -> str:
    request = urllib.request.Request(house.url(path), data.encode() if data else None, {"Content-Type": "text/xml"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def of_page(house: House) -> list[Way]:
    row = r'<tr id="(\w+)-(\w+)">.*?<code>([^<]+)</code>.*?<td class="number"[^>]*>(\d+)</td>'
    rows = re.findall(row, get(house, "/clients"))
    return [(purpose, unescape(host), int(port), security.upper()) for purpose, security, host, port in rows]


def of_text(house: House) -> list[Way]:
    rows = re.findall(r"(?m)^(\w+) +(\S+) +(\d+) +(\w+)$", get(house, "/clients.txt"))
    return [(purpose.lower(), host, int(port), security) for purpose, host, port, security in rows]


def text_of(element: ElementTree.Element, name: str) -> str:
    text = element.findtext(name)
    assert text is not None, f"no {name}"
    return text


def of_autoconfig(house: House, path: str = "/mail/config-v1.1.xml") -> list[Way]:
    tree = ElementTree.fromstring(get(house, path))
    assert tree.find("emailProvider/domain").text == "alumni.example"
    found = []
    for server in (*tree.iter("incomingServer"), *tree.iter("outgoingServer")):
        assert server.findtext("username") == "%EMAILLOCALPART%"
        security = {"SSL": "TLS", "STARTTLS": "STARTTLS"}[text_of(server, "socketType")]
        found.append((server.attrib["type"], text_of(server, "hostname"), int(text_of(server, "port")), security))
    return found


def of_autodiscover(house: House) -> list[Way]:
    where = json.loads(get(house, f"/autodiscover/autodiscover.json?Email={ADDRESS}&Protocol=AutodiscoverV1"))["Url"]
    text = get(house, re.sub(r"^\w+://[^/]+", "", where), OUTLOOK)
    tree = ElementTree.fromstring(re.sub(r' xmlns="[^"]+"', "", text))
    assert {one.text for one in tree.iter("LoginName")} == {"ola"}
    kinds = {"SSL": "TLS", "TLS": "STARTTLS"}
    return [
        (
            text_of(one, "Type").lower(),
            text_of(one, "Server"),
            int(text_of(one, "Port")),
            kinds[text_of(one, "Encryption")],
        )
        for one in tree.iter("Protocol")
    ]


def of_apple(house: House) -> list[Way]:
    profile = plistlib.loads(get(house, f"/clients/alumnimail.mobileconfig?email={ADDRESS}").encode())
    [mail] = [one for one in profile["PayloadContent"] if one["PayloadType"] == "com.apple.mail.managed"]
    assert (mail["IncomingMailServerUsername"], mail["OutgoingMailServerUsername"]) == ("ola", "ola")
    assert "IncomingPassword" not in mail
    return [
        ("imap", mail["IncomingMailServerHostName"], mail["IncomingMailServerPortNumber"], "TLS"),
        ("smtp", mail["OutgoingMailServerHostName"], mail["OutgoingMailServerPortNumber"], "TLS"),
    ]


def of_pacc(house: House) -> list[Way]:
    """The digest in DNS is of these very octets, so that no web server in between changes them."""
    told = get(house, "/.well-known/user-agent-configuration.json")
    digest = base64.b64encode(hashlib.sha256(told.encode()).digest()).decode()
    assert f'_ua-auto-config.alumni.example.\t3600\tIN\tTXT\t"v=UAAC1; a=sha256; d={digest}"' in house.run(
        "dns", "--zone"
    )
    protocols = json.loads(told)["protocols"]
    assert protocols["submit"] == protocols["smtp"]  # its name since version 03 of the draft, and before
    return [(name, protocols[name]["host"], protocols[name]["port"], "TLS") for name in ("imap", "smtp")]


def of_dns(house: House) -> list[Way]:
    names = {
        "_imaps": ("imap", "TLS"),
        "_imap": ("imap", "STARTTLS"),
        "_submissions": ("smtp", "TLS"),
        "_submission": ("smtp", "STARTTLS"),
        "_sieve": ("sieve", "STARTTLS"),
    }
    rows = re.findall(r"(?m)^(\w+)\._tcp\.\S+\s+\d+\s+IN\s+SRV\s+\d+ \d+ (\d+) (\S+)\.$", house.run("dns", "--zone"))
    return [(names[name][0], host, int(port), names[name][1]) for name, port, host in rows]


@pytest.fixture
def house(build) -> House:
    made = build()
    made.run("user", "add", "ola", "--password-stdin", given=f"{PASSWORD}\n")
    return made


class Here(ssl.SSLContext):
    """Connects to loopback and checks the certificate against the name that was told."""

    told = ""

    def wrap_socket(self, sock, *args, **kwargs):
        kwargs["server_hostname"] = self.told
        return super().wrap_socket(sock, *args, **kwargs)


def context(house: House, host: str) -> ssl.SSLContext:
    made = Here(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(str(house.folder / "var/tls/ca.pem"))
    made.told = host
    return made


def log_in(house: House, way: Way, user: str) -> None:
    purpose, host, port, security = way
    if purpose == "imap":
        if security == "TLS":
            client: imaplib.IMAP4 = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=context(house, host))
        else:
            client = imaplib.IMAP4("127.0.0.1", port)
            client.starttls(context(house, host))
        client.login(user, PASSWORD)
        assert client.select()[0] == "OK"
        client.logout()
    elif purpose == "smtp":
        if security == "TLS":
            sender: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", port, context=context(house, host))
        else:
            sender = smtplib.SMTP("127.0.0.1", port)
            sender.starttls(context=context(house, host))
        sender.login(user, PASSWORD)
        sender.quit()


def test_s17c_every_format_says_the_same_and_what_it_says_logs_in(house: House):
    page = of_page(house)
    assert {(purpose, security) for purpose, _, _, security in page} == {
        ("imap", "TLS"),
        ("imap", "STARTTLS"),
        ("smtp", "TLS"),
        ("smtp", "STARTTLS"),
        ("sieve", "STARTTLS"),
    }
    assert of_text(house) == page
    mail = [way for way in page if way[0] != "sieve"]
    best = [next(way for way in page if way[0] == purpose) for purpose in ("imap", "smtp")]
    assert of_autoconfig(house) == mail
    assert of_autoconfig(house, f"/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={ADDRESS}") == mail
    assert sorted(of_dns(house)) == sorted(page)
    for found in (of_autodiscover(house), of_apple(house), of_pacc(house)):
        assert found == best
    for way in mail:
        for user in ("ola", ADDRESS, "OLA@Alumni.Example"):
            log_in(house, way, user)
    gc.collect()


def test_nothing_is_said_about_other_domains_or_who_exists(house: House):
    for path in ("/clients/alumnimail.mobileconfig?email=ola@evil.example", "/autodiscover/autodiscover.xml?email=x"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(house, path)
        assert refused.value.code == 404
        refused.value.close()
    assert "LoginName>nobody<" in get(house, "/autodiscover/autodiscover.xml?email=nobody@alumni.example")


def test_n15_the_doctor_hears_of_every_door_where_somebody_came_without_tls(build):
    house = build()
    house.stop()
    house.config.write_text(house.config.read_text().replace('plaintext = "loopback"', 'plaintext = "no"'))
    house.start()
    house.run("user", "add", "ola", "--password-stdin", given=f"{PASSWORD}\n")
    browser = Browser(house)
    browser.post("/login", username="ola", password=PASSWORD)
    assert "without TLS" not in browser.get("/clients/doctor?lang=en")
    with imaplib.IMAP4("127.0.0.1", house.ports["imap"]) as mail, pytest.raises(imaplib.IMAP4.error):
        mail.login("ola", PASSWORD)
    with smtplib.SMTP("127.0.0.1", house.ports["submission"]) as mail:
        mail.ehlo()
        assert mail.docmd("AUTH", "PLAIN")[0] == 530
        assert mail.mail("ola@alumni.example")[0] == 530
    with socket.create_connection(("127.0.0.1", house.ports["managesieve"]), 10) as raw:
        raw.recv(4096)
        raw.sendall(b'AUTHENTICATE "PLAIN"\r\n')
        assert b"ENCRYPT-NEEDED" in raw.recv(4096)
    assert until(lambda: browser.get("/clients/doctor?lang=en").count("without TLS") == 4)
