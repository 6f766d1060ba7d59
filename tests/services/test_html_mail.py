"""HTML of strangers: a table of attacks, cleaned, then read by another parser and shown in a real browser."""

import re
import subprocess
import threading
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mailcore.mail.showing.files import safe_name
from mailcore.services.webmail import html_mail
from tests.machine import program

ATTACKS = (Path(__file__).parent / "attacks.txt").read_text().splitlines()


class Reader(HTMLParser):
    """Notes what a browser might act on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in html_mail._TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            value = value or ""
            if name.startswith("on") or name not in {"rel", "target"} | set().union(*html_mail._ATTRIBUTES.values()):
                self.found.append(f"{tag} {name}")
            if name == "src" and not value.startswith("data:image/"):
                self.found.append(f"{tag} src={value}")
            if name == "href" and not re.match(r"(?:https?|mailto):", value, re.IGNORECASE):
                self.found.append(f"{tag} href={value}")
            # as a word alone they mean nothing: a font may have such a name
            if name == "style" and re.search(r"(?:url|expression)\s*\(|(?:^|;)\s*position\s*:|[\\{}@]", value, re.I):
                self.found.append(f"style {value}")


def body(html: str, pictures: dict[str, str] | None = None) -> str:
    return html_mail.clean(html, pictures or {}).html.partition("<body>")[2].removesuffix("</body></html>")


def test_there_are_at_least_a_hundred_attacks():
    assert len(ATTACKS) >= 100


@pytest.mark.parametrize("attack", ATTACKS)
def test_s30_an_attack_leaves_nothing_to_act_on(attack):
    reader = Reader()
    reader.feed(body(attack))
    assert reader.found == []


def test_s30_no_sheet_of_an_attack_can_ask_for_anything():
    asks = re.compile(
        r"url\(|image|src\(|attr\(|var\(|@(?!media|supports|layer)|position|evil\.example|--", re.IGNORECASE
    )
    sheets = [html_mail.clean(attack, {}).html.partition("</style>")[2].partition("</head>")[0] for attack in ATTACKS]
    assert [sheet for sheet in sheets if asks.search(sheet)] == []
    assert any(sheets)  # some rules are harmless, and stay


def test_s30_what_came_along_is_put_in_only_if_it_is_a_picture_without_scripts():
    octets = (
        b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src='cid:a@b'>\r\n"
        b"--b\r\nContent-Type: image/svg+xml\r\nContent-ID: <a@b>\r\n\r\n<svg onload=alert(1)>\r\n--b--\r\n"
    )
    safe = html_mail.page_of(octets)
    assert safe is not None
    assert "data:" not in safe.html


def test_what_mail_looks_like_survives():
    html = (
        '<h1>Hei</h1><p style="color:#c00; margin: 1em 0">Se <a href="https://x.example/a?b=1">her</a></p>'
        "<table><tr><td>1</td></tr></table>"
    )
    found = body(html)
    assert "<h1>Hei</h1>" in found
    assert 'style="color:#c00;margin:1em 0"' in found
    assert 'href="https://x.example/a?b=1"' in found
    assert 'rel="noopener noreferrer nofollow"' in found
    assert "<td>1</td>" in found


def test_pictures_that_came_along_are_shown_and_remote_ones_counted():
    safe = html_mail.clean(
        '<img src="cid:a@b"><img src="https://evil.example/x">', {"a@b": "data:image/png;base64,AA=="}
    )
    assert 'src="data:image/png;base64,AA=="' in safe.html
    assert safe.blocked == 1


class _Watch(BaseHTTPRequestHandler):
    html = ""
    asked: list[str] = []  # noqa: RUF012 - a new class for each test

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        type(self).asked.append(self.path)
        page = self.path == "/page"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if page:
            self.send_header("Content-Security-Policy", html_mail.policy())
        self.end_headers()
        self.wfile.write(self.html.encode() if page else b"<iframe src=/page sandbox></iframe>")

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.mark.slow
@pytest.mark.interop
def test_s30_in_a_real_browser_no_script_runs_and_no_request_leaves(tmp_path):
    chromium = program("chromium")

    class Watch(_Watch):
        asked: list[str] = []  # noqa: RUF012

    with ThreadingHTTPServer(("127.0.0.1", 0), Watch) as server:
        here = f"http://127.0.0.1:{server.server_address[1]}"
        Watch.html = "\n".join(
            html_mail.clean(attack.replace("https://evil.example", here), {}).html for attack in ATTACKS
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={tmp_path}",
                "--virtual-time-budget=3000",
                "--dump-dom",
                here + "/",
            ],
            capture_output=True,
            timeout=300,
            check=True,
        )
        server.shutdown()
    assert "/page" in Watch.asked
    assert set(Watch.asked) <= {"/", "/page", "/favicon.ico"}


@pytest.mark.parametrize(("name", "safe"), [
    ("bilde\u202egnp.exe", "bildegnp.exe"), ("../../etc/passwd", "_.._etc_passwd"), ("a\x00b.txt", "ab.txt"), ("", "file"),
    ("æøå.pdf", "æøå.pdf"), ("C:\\x\\y.doc", "C_x_y.doc"), (" .", "file"),
    ("😀" * 90 + ".pdf", "😀" * 49 + ".pdf"),
])  # fmt: skip
def test_names_of_files_are_harmless(name, safe):
    assert safe_name(name) == safe
