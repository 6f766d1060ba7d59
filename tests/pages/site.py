"""A portal with people, mail, cases and orders in it, and every page that can be reached by links."""

import re
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config, ConsentProvider, Imports
from mailcore.core import Core
from mailcore.domain import Account, AccountId, MailboxId
from mailcore.services import certificates
from mailcore.services.accounts import accounts, orders
from mailcore.services.newsletters import editors, issues, sending, topics
from mailcore.services.operations import service_status, webhooks
from mailcore.services.tickets import tickets
from mailcore.services.webmail import ready_texts
from mailcore.store.engine.db import Tx
from mailcore.store.people import moving_day
from mailcore.store.people.moving_day import Meeting, Tally
from portal import create_app
from tests.mail.winmail import stream, winmail_file

MOST = 8  # pages of one view that are looked up
PASSWORD = "correct horse battery"
OWN = Config().url  # as the portal calls itself in what is copied elsewhere
OF_NEWSLETTER = "https://university.example/fest"
ROLES = ("", "ola", "agnes", "eva")  # a stranger, a person, somebody of the desk, an administrator
# where the work of a role begins, and pages that a form leads to
BEGINS = {"ola": ["/mail/snooze/INBOX?uid=52,53"], "agnes": ["/desk/"], "eva": ["/admin/"]}
LANGUAGES = ("nb", "nn", "en")
# files, what ends the session, and a stranger's HTML, which stands in a frame of its own
_SKIPPED = {"static", "signin.logout", "webmail.html", "webmail.inside_html"}


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        pass


def furnish(core: Core) -> None:
    """Something on every page."""
    ola = accounts.add_account(
        core, "ola", display_name="Ola Nordmann", password=PASSWORD, contact="ola@elsewhere.example", quota=2**20
    )
    agnes = accounts.add_account(
        core, "agnes", display_name="Agnes Agent", password=PASSWORD, contact="agnes@elsewhere.example"
    )
    accounts.set_role(core, "agnes", "desk")
    accounts.add_account(core, "eva", display_name="Eva Admin", password=PASSWORD, contact="eva@elsewhere.example")
    accounts.set_role(core, "eva", "admin")
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))

    def put(octets: bytes, flags: frozenset[str]) -> None:
        prepared = core.blobs.prepare(octets)
        core.db.write(lambda tx: core.mail.append(tx, ola.id, inbox.id, prepared, flags, core.clock.now()))

    for number in range(52):
        subject = (
            f"Nytt fra fakultetet, nummer {number}, med et emne som er langt nok til ikke å få plass på en smal skjerm"
        )
        octets = (
            f"From: Ukebrevet <nytt@university.example>\r\nTo: ola@alumni.example\r\nSubject: {subject}\r\n"
            f"Date: Mon, 1 Jun 2026 12:00:00 +0200\r\nMessage-ID: <{number}@x>\r\n\r\n" + "Hei! " * 100 + "\r\n"
        ).encode()
        flags = frozenset({"\\Seen"}) if number % 3 else frozenset({"\\Flagged", "\\Answered"})
        put(octets, flags)
    big = EmailMessage()
    big["From"], big["To"], big["Subject"] = "x@y.example", "ola@alumni.example", "langt" * 40
    big.set_content("Hello")
    long = "https://www.university.example/" + "et-langt-navn-" * 9  # the warning of it has no blanks
    link = f'<a href="https://y.example/">{long}</a>'
    big.add_alternative("<h1>Hello</h1><p>" + "langt brev " * 50 + link + "</p>", subtype="html")
    big.add_attachment(b"0" * 640_000, maintype="application", subtype="zip", filename="bilder.zip")
    put(bytes(big).replace(b"\n", b"\r\n"), frozenset())
    _attach_messages(core, ola.id)
    ready_texts.save_text(core, ola.id, "Takk", "Takk for meldingen. Jeg svarer i løpet av uken.")
    for owner, subject in ((ola, "Får ikke logget inn"), (ola, "Trenger mer plass"), (agnes, "Egen sak")):
        tickets.submit_form(
            core, kind="login", subject=subject, text="Hei! " * 30, reply_to="", owner=owner, peer="x", language="nb"
        )
    _fill_moving_day(core, ola.id, int(inbox.id))
    tickets.send_reply(core, 1, "Prøv på nytt.\n\n" + "a" * 200, agent=agnes)
    tickets.add_note(core, 1, "ring", agent=agnes)
    orders.submit_order(
        core,
        name="ida",
        display_name="Ida Vik",
        contact="ida@elsewhere.example",
        affiliation="tidligere student",
        language="nb",
        terms=True,
        key="1",
    )
    _write_newsletters(core, agnes)
    webhook, _ = webhooks.add_webhook(
        core, "Alumniregisteret", "https://crm.university.example/in", webhooks.KINDS, actor="eva"
    )
    webhooks.send_test(core, webhook.id, actor="eva")
    service_status.announce_incident(
        core, {"nb": "Vedlikehold i natt.", "nn": "Vedlikehald i natt.", "en": "Maintenance tonight."}, "info"
    )


def _attach_messages(core: Core, account: AccountId) -> None:
    """A message with another one and a winmail.dat in it, in Archive, where no other page counts it."""
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = "Kari <kari@y.example>", "Per <per@y.example>", "Referat fra møtet"
    inner.set_content("Hei! Her er referatet, og det som ble sagt etter møtet. Jeg har ikke skrevet av alt.\n")
    inner.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="referat.pdf")
    outer = EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = "x@y.example", "ola@alumni.example", "Videresendt"
    outer.set_content("Se her: https://www.university.example/side\n")
    outer.add_attachment(inner)
    outer.add_attachment(
        stream(winmail_file("A.DOC", b"x" * 900, long_name="Søknad om stipend.docx")),
        maintype="application",
        subtype="ms-tnef",
        filename="winmail.dat",
    )
    outer.add_attachment(b"x", maintype="application", subtype="pgp-signature", filename="signature.asc")
    prepared = core.blobs.prepare(bytes(outer).replace(b"\n", b"\r\n"))
    core.db.write(
        lambda tx: core.mail.append(
            tx, account, core.mail.mailbox(tx, account, "Archive").id, prepared, frozenset({"\\Seen"}), core.clock.now()
        )
    )


def _write_newsletters(core: Core, editor: Account) -> None:
    """A topic, with a newsletter of each kind, whose editor is its one reader."""
    names = {"nb": "Nytt fra fakultetet", "nn": "Nytt frå fakultetet", "en": "Faculty news"}
    topic = topics.create_topic(core, names, actor="eva")
    editors.add_editor(core, topic, editor.name, actor="eva")
    topics.set_consents(core, editor.id, {topic}, {topic: "Ja takk"})
    text = f"# Sommerfesten\n\nDen er **2. juni**, se {OF_NEWSLETTER}.\n\n* mat\n* musikk\n\n" + "Et avsnitt. " * 40
    for subject in (
        "Nyhetsbrev i mai",
        "Nyhetsbrev i juni, med et emne som er langt nok til to linjer på en smal skjerm",
    ):
        number = issues.create_draft(core, topic, "nb", subject, text, actor=editor.name)
        issues.schedule(core, number, None, actor=editor.name)
        for _ in sending.send_newsletter(core, number):
            pass
    number = issues.create_draft(core, topic, "nb", "Nyhetsbrev i juli", text, actor=editor.name)
    issues.schedule(core, number, core.clock.now() + timedelta(days=30), actor=editor.name)
    issues.create_draft(core, topic, "nb", "Nyhetsbrev i august", text, actor=editor.name)


def _fill_moving_day(core: Core, account: AccountId, inbox: int) -> None:
    """Services and people as a scan finds them, more than one page of each."""
    at = core.clock.seconds()
    services = [
        Tally(
            f"tjeneste{number}.example", f"tjeneste{number}.example", f"Tjeneste med et langt navn, nummer {number}",
            f"noreply@tjeneste{number}.example", 3, 1, 0, 1, (1, 0, 0, 0, 0), at - 90_000, at - 86_400 * number, inbox, 53,
        )
        for number in range(35)
    ]  # fmt: skip
    people = [Meeting(f"venn{number}@elsewhere.example", f"Venn {number}", 3, number % 2, at) for number in range(55)]

    def write(tx: Tx) -> None:
        moving_day.start_scan(tx, account, 54)
        moving_day.save_progress(tx, account, MailboxId(inbox), 0, 53, 54, services, people, 0)
        moving_day.end_scan(tx, account, at)

    core.db.write(write)


@contextmanager
def standing(app: Flask, port: int = 0) -> Iterator[str]:
    """The address of an application that answers on loopback; what pages still listen to ends with it."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        if hub := app.extensions.get("mail_live"):
            hub.close()
        thread.join()
        server.server_close()


@contextmanager
def served(folder: Path, clock: Clock | None = None) -> Iterator[tuple[str, Flask]]:
    """The address of a running portal, and its application."""
    providers = Imports(google=ConsentProvider("google-id"), microsoft=ConsentProvider("microsoft-id"))
    core = cores.build(Config(data=str(folder), imports=providers), clock)
    certificates.ensure_certificate(core.config, core.clock)
    furnish(core)
    app = create_app(core)
    try:
        with standing(app) as base:
            yield base, app
    finally:
        cores.close(core)


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, base: str, role: str = "") -> None:
        self.base = base
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        if role:
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get("/login")[1])
            assert token
            self.get("/login", urlencode({"csrf_token": token[1], "username": role, "password": PASSWORD}).encode())

    def get(self, path: str, data: bytes | None = None) -> tuple[int, str, str]:
        """Status, text (empty unless HTML), and where it ended."""
        try:
            with self._opener.open(urljoin(self.base, path), data, timeout=60) as answer:
                html = answer.headers.get_content_type() == "text/html"
                return answer.status, answer.read().decode() if html else "", answer.url.removeprefix(self.base)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode("utf-8", "replace"), path

    def octets(self, path: str) -> bytes:
        """A file as it is, not compressed."""
        with self._opener.open(urljoin(self.base, path), timeout=60) as answer:
            return bytes(answer.read())


def crawl(base: str, app: Flask, role: str) -> dict[str, tuple[int, str]]:
    """Addresses that links lead to from the front page, with status and text; of one view a handful, no language links."""
    visitor = Visitor(base, role)
    visits: Counter[str] = Counter()
    seen: dict[str, tuple[int, str]] = {}
    waiting = ["/"] + (["/mail/", "/account"] if role else []) + BEGINS.get(role, [])
    while waiting:
        path = waiting.pop(0)
        view = _view(app, path)
        if path in seen or visits[view] >= MOST:
            continue
        visits[view] += bool(view)
        code, text, ended = visitor.get(path)
        seen[path] = (code, text if ended == path else "")  # what leads elsewhere is looked at there
        if path.endswith("/html"):  # a stranger's message in its frame: its links are the stranger's
            continue
        for quoted, bare in re.findall(r'(?:href|src|action)=(?:"([^"]+)"|([^\s"\'>]+))', text):
            link = (quoted or bare).replace("&amp;", "&").partition("#")[0]
            if "lang=" in link or not link or link.startswith(("mailto:", "data:")):
                continue
            link = link.removeprefix(OWN) or "/"
            target = urljoin(urljoin(base, path), link)
            if target.startswith("https://tjeneste") or target == OF_NEWSLETTER:
                continue  # a service that writes to Ola (/moving), or what an editor wrote: no other links lead away
            if not target.startswith(base):
                seen[target] = (0, "another host")
                continue
            link = target.removeprefix(base)
            if link.startswith(("/static/", "/logout", "/imports/consent/")) or _is_post_only(text, link):
                continue
            waiting.append(link)
    return seen


def _is_post_only(text: str, link: str) -> bool:
    forms = re.findall(r"<form[^>]*>", text)
    return any(f'action="{link}"' in form.replace("&amp;", "&") and 'method="post"' in form for form in forms) and (
        f'href="{link}"' not in text
    )


def one_of_each(app: Flask, pages: dict[str, dict[str, tuple[int, str]]], role: str) -> list[str]:
    """The pages that are HTML and first met in that role, one for each view (two where a query changes it)."""
    found: dict[str, str] = {}
    before: set[str] = set()
    for one in ROLES[: ROLES.index(role) + 1]:
        before = set(found)
        for path, (code, text) in pages[one].items():
            key = _view(app, path)
            if code == 200 and "<html" in text and key:
                found.setdefault(key, path)
    return [path for key, path in found.items() if key not in before]


def _view(app: Flask, path: str) -> str:
    try:
        endpoint, _ = app.url_map.bind("localhost").match(urlsplit(path).path)
    except HTTPException:
        return ""
    return "" if endpoint in _SKIPPED else f"{endpoint}{'?' if '?' in path else ''}"
