"""CWE-248 and CWE-20: nothing that a browser can send makes the portal fail.

Every route of the site is asked with strange addresses, queries, forms, cookies, headers and JSON, by a stranger, an owner
and the desk.  What fields and buttons there are is read from the pages and the code: a new page is tried without being named.
"""

import io
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule

from tests.attacks.portal.conftest import Site, token_of
from tests.portal.conftest import PASSWORD

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 4  # requests for each method, route and person

DEEP = "[" * 5000
NUMBERS = ("0", "-1", "1", "2", "99999999999999999999", "-99999999999999999999", "9" * 5000, "1e400", "NaN", "١٢", "²",
"0x10", " 7 ")  # fmt: skip
TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\ufffe", "\r\nX-Evil: 1", "a\nb", "?\r\nLocation: //evil.example",
    "?" + "x" * 5000,
    "//evil.example", "../../../etc/passwd", "%00", "%ff%fe", "%s%d%(x)s", "{{7*7}}", "<script>", "'; DROP TABLE account; --",
    "\x1b[2J",
    "\u202eevil", "å" * 300, "=?utf-8?q?=00?=", DEEP, '{"id": ' * 1500, "null", "[]", '"\\ud800"',
    '{"id": "\\ud800", "rawId": "AA"}',
    '{"id": {"a": []}, "rawId": 1, "type": null, "response": {"clientDataJSON": "\\u0000"}}', "INBOX", "INBOX/1", "INBOX/999",
    "NOPE/1", "1", "2,3:*",
    "kari", "kari@alumni.example", "a@b.example", "@", "a@", "2026-11-29", "9999-12-31", "0001-01-01", "0001-01-01T00:00",
    "9999-12-31T23:59",
    "w1", "s99999999999999999999", "w\u00b2", "tokentokentokentoken", "save", "send", "up 99999999999999999999", "up ²", "on 0",
)  # fmt: skip
QUERIES = (
    "", "endpoint=x", "_method=POST", "_external=1&_anchor=x&_scheme=javascript", "lang=en", "lang=xx",
    "lang=en&lang=nb&self=1&values=2",
    "values=x&filename=y&name=z&error=1&root=2", "%ff=%fe&%00=%00", "a[]=1&a[b]=2", "=", "&&&", "q=%F0%28%8C%28", "x" * 6000,
)  # fmt: skip
HEADERS = (
    {}, {"Accept-Language": "\xff;q=x, nb;q=9999999999999999999, *;q=-1"}, {"Accept-Language": "x" * 5000},
    {"Range": "bytes=99999999999999999999-"},
    {"Range": "bytes=-0"}, {"If-Range": "\xff"}, {"If-Modified-Since": "Mon, 99 Foo 99999 99:99:99"},
    {"If-None-Match": '"' * 500},
    {"User-Agent": "\xff\xfe" * 200}, {"User-Agent": ""}, {"HX-Request": "true", "HX-Current-URL": "\xff"},
    {"HX-Trigger": "%ff"},
    {"Accept-Encoding": "gzip;q=nan"}, {"Accept-Encoding": "identity;q=0, *;q=0"}, {"Content-Type": "application/json"},
    {"Content-Type": "\xff"},
    {"X-Forwarded-For": "x, y"}, {"Purpose": "\xff"}, {"Referer": "\xff"},
    {"Cookie": "alumnimail_session=\xff\xfe; alumnimail_forms=.x.y; a"},
    {"Cookie": "alumnimail_session=" + "é" * 3000}, {"Cookie": ';=;="";\x01'}, {"Origin": "null"},
    {"X-HTTP-Method-Override": "DELETE"},
)  # fmt: skip


def _names(pattern: str, *globs: str) -> list[str]:
    return sorted(
        {name for glob in globs for path in ROOT.glob(glob) for name in re.findall(pattern, path.read_text("utf-8"))}
    )


FIELDS = sorted(
    {
        *_names(r'name="([\w-]+)"', "templates/**/*.html"),
        *_names(r'(?:form|args)(?:\.get|\.getlist|\[)\(?"([\w-]+)"', "portal/**/*.py"),
        *_names(r"(?m)^    (\w+) = (?:\w+Field|\w+_field)\(", "portal/**/*.py"),
    }
    - {"csrf_token", "switch-language"}
)
BUTTONS = _names(r'value="([\w -]+)"', "templates/**/*.html") + _names(r'case "([\w-]+)"', "portal/**/*.py")
QUIET = {"signin.logout", "account.close"}  # what would only end the session
TRIED = {"", "ola", "dina"}


def _of(name: str, chance: random.Random) -> str:
    """For a field; the right password now and then, so that what it guards is tried, too."""
    return PASSWORD if name in ("password", "current", "again") and chance.random() < 0.6 else _value(chance)


def _value(chance: random.Random) -> str:
    return chance.choice(chance.choice((TEXTS, NUMBERS, BUTTONS)))


def _address(rule: Rule, app: Flask, chance: random.Random) -> str:
    """The rule with something in each of its places, as it would come over the wire."""
    address = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?\w+>", lambda _: _percent(_value(chance)[:3000]) or "x", rule.rule)
    return address if address.startswith("/") else f"/{address}"


def _percent(text: str) -> str:
    octets = text.encode("utf-8", "surrogatepass")
    return "".join(chr(o) if chr(o).isascii() and chr(o).isalnum() else f"%{o:02X}" for o in octets)


def _query(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(QUERIES)
    return "&".join(f"{name}={_percent(_value(chance)[:2000])}" for name in chance.sample(FIELDS, 12))


def _body(chance: random.Random) -> dict[str, Any]:  # Any: arguments of Flask's client
    kind = chance.randrange(8)
    if kind == 0:
        return {"data": DEEP, "content_type": "application/json"}
    if kind == 1:
        kinds = ("multipart/form-data", "multipart/form-data; boundary=\xff", "x")
        return {"data": b"\xff\x00" * 500, "content_type": chance.choice(kinds)}
    if kind == 2:
        return {"data": json.dumps({"a": "\ud800"}), "content_type": "text/xml; charset=utf-7"}
    fields: MultiDict[str, object] = MultiDict()
    for name in chance.sample(FIELDS, len(FIELDS) if kind < 5 else len(FIELDS) // 2):
        for _ in range(chance.choice((1, 1, 1, 3))):
            fields.add(name, _of(name, chance).encode("utf-8", "surrogatepass").decode("utf-8", "replace")[:200_000])
    if kind == 3:
        for name in ("file", "files", "cards"):
            octets, title = (_value(chance).encode("utf-8", "replace") for _ in range(2))
            fields.add(name, (io.BytesIO(octets), title.decode()[:300]))
    return {"data": fields}


def _asked(app: Flask) -> list[tuple[Rule, str]]:
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"OPTIONS"} | {"DELETE"})
    ]


@pytest.mark.slow
@pytest.mark.parametrize("who", sorted(TRIED))
@pytest.mark.parametrize("seed", range(2))
def test_no_route_fails_whatever_it_is_asked(site: Site, who: str, seed: int) -> None:
    browser = site.browser(who)
    token = token_of(browser.client)
    failed = []
    for rule, method in _asked(site.app):
        if rule.endpoint in QUIET and method == "POST":
            continue
        for turn in range(ROUNDS if method in ("GET", "POST") else 1):
            chance = random.Random(f"{seed} {who} {rule} {method} {turn}")
            headers = {"X-CSRFToken": token, **chance.choice(HEADERS)}
            if "Cookie" in headers and chance.random() < 0.5:
                headers.pop("Cookie")
            address, query = _address(rule, site.app, chance), _query(chance)
            body = _body(chance) if method in ("POST", "DELETE") else {}
            answer = browser.client.open(
                address, method=method, query_string=query, headers=headers, buffered=False, **body
            )
            try:
                if answer.status_code >= 500 and answer.status_code != 503:
                    failed.append((answer.status_code, method, address[:200], query[:300], rule.endpoint, turn))
                elif rule.endpoint != "webmail.live":
                    for _piece, _number in zip(answer.response, range(50), strict=False):
                        pass
            finally:
                answer.close()
    assert failed == []
