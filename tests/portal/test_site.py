"""Views, tags, the status line and its feed (S04, N25), pages while the database is away (S01)."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from mailcore.cli import main
from mailcore.core import Core
from mailcore.errors import Busy, InvalidName
from mailcore.services.operations import page_views, service_status
from tests.portal.conftest import Browser

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
SAFARI = {"User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/18.0 Safari/605.1.15"}
WORDS = {"nb": "IMAP er nede.", "nn": "IMAP er nede no.", "en": "IMAP is down."}


def views(core: Core, page: str = "/faq") -> int:
    core.db.write(lambda tx: None)  # what was posted before is done
    return page_views.get_facts(core, page).views


def test_s04_a_person_is_counted_once_a_day_and_page(browser: Browser, core: Core):
    for _ in range(3):
        browser.get("/faq", headers=FIREFOX)
    assert views(core) == 1
    browser.get("/faq", headers=SAFARI)
    browser.get("/clients", headers=FIREFOX)
    assert (views(core), views(core, "/clients")) == (2, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"User-Agent": "curl/8.5"},
        {"User-Agent": ""},
        FIREFOX | {"Sec-Purpose": "prefetch"},
    ],
)
def test_s04_programs_and_looks_ahead_are_not_counted(browser: Browser, core: Core, headers: dict[str, str]):
    browser.get("/faq", headers=headers)
    browser.client.head("/faq", headers=FIREFOX)
    assert views(core) == 0


def test_s04_nothing_of_the_visitor_is_kept_and_tomorrow_nobody_is_known(browser: Browser, core: Core, monkeypatch):
    answer = browser.get("/faq", headers=FIREFOX)
    assert "Set-Cookie" not in answer.headers
    views(core)
    rows = core.db.read(lambda tx: tx.rows("SELECT * FROM page_visit"))
    assert all(re.fullmatch(r"[0-9a-f]{64}", row[0]) for row in rows)
    before = core.db.read(lambda tx: tx.rows("SELECT value FROM setting WHERE key LIKE 'visits %'"))
    tomorrow = core.clock.now() + timedelta(days=1)
    monkeypatch.setattr(type(core.clock), "now", lambda self: tomorrow)
    browser.get("/faq", headers=FIREFOX)
    assert views(core) == 2
    after = core.db.read(lambda tx: tx.rows("SELECT value FROM setting WHERE key LIKE 'visits %'"))
    assert len(before) == len(after) == 1
    assert before != after


def test_s04_the_page_shows_its_tags_and_its_count(browser: Browser, core: Core):
    page_views.tag_page(core, "/faq", ("staff", "students"), ("e-mail",))
    browser.get("/faq", headers=FIREFOX)
    views(core)
    page = browser.get("/faq?lang=nb", headers=FIREFOX).text  # the same person, who is not counted again
    assert "Ansatte, Studenter" in page
    assert "E-post" in page
    assert "1 visning" in page
    with pytest.raises(InvalidName):
        page_views.tag_page(core, "/faq", ("cats",), ())


def test_n25_an_incident_stands_on_every_page_until_it_is_over(browser: Browser, core: Core):
    number = service_status.announce_incident(core, WORDS, "bad")
    for page in ("/", "/login", "/faq"):
        assert WORDS["nn"] in browser.get(f"{page}?lang=nn").text
    assert service_status.end_incident(core, number) == 1
    assert WORDS["en"] not in browser.get("/login?lang=en").text
    assert WORDS["en"] in browser.get("/status?lang=en").text
    with pytest.raises(InvalidName):
        service_status.announce_incident(core, {"nb": "Bare bokmål"})


def test_n25_the_feed_is_atom_without_log_in(browser: Browser, core: Core):
    service_status.announce_incident(core, WORDS | {"en": "A <b>bold</b> & bad thing"})
    answer = browser.get("/status.xml?lang=en")
    assert answer.mimetype == "application/atom+xml"
    [entry] = ElementTree.fromstring(answer.text).findall("{http://www.w3.org/2005/Atom}entry")
    assert entry.findtext("{http://www.w3.org/2005/Atom}title") == "A <b>bold</b> & bad thing"


def test_n25_it_is_set_and_cleared_on_the_command_line(tmp_path):
    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path}/var"\n')

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, ["--config", str(file), *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert run("status", "set", "--nb", "Nede", "--nn", "Nede", "--en", "Down") == "1\n"
    assert "Down" in run("status", "list")
    assert run("status", "clear") == "1 ended\n"
    assert run("page", "tag", "/faq", "--audience", "staff", "--topic", "help") == "/faq: staff; help\n"
    assert '"audience": [\n   "staff"' in run("page", "list", "--json")
    assert run("faq") == "all is well\n"


@pytest.mark.parametrize("page", ["/", "/faq", "/clients", "/status"])
def test_s01_public_pages_load_while_the_database_is_away(browser: Browser, core: Core, monkeypatch, page: str):
    browser.get("/help")  # the browser has a session

    def away(self: object, fn: object) -> None:
        raise Busy("away")

    monkeypatch.setattr(type(core.db), "read", away)
    monkeypatch.setattr(type(core.db), "write", away)
    monkeypatch.setattr(type(core.db), "post", lambda self, fn: None)
    shown = browser.get(f"{page}?lang=en", headers=FIREFOX)
    assert shown.status_code == 200
    assert ("Part of the service does not answer right now" in shown.text) == (page == "/status")
    assert "Everything works" not in shown.text


@pytest.mark.parametrize(
    ("language", "purpose"),
    [
        ("nb", "beholde så lenge de vil"),
        ("nn", "ha så lenge dei vil"),
        ("en", "as long as they like"),
    ],
)
def test_s01_the_front_page_says_what_it_is_and_leads_to_everything(browser: Browser, language: str, purpose: str):
    page = browser.get(f"/?lang={language}").text
    assert f'<html lang="{language}">' in page
    assert re.search(r"<title>[^<]*Alumnimail</title>", page)
    assert purpose in " ".join(page.split())
    main = page[page.index("<main") : page.index("</main>")]
    for place in ("/login", "/order", "/mail/", "/forwarding", "/quota", "/clients", "/password", "/faq"):
        assert f'href="{place}"' in main, place
    assert 'href="/help"' in page
