"""The help form, cases as their people see them, questions and answers (S28, S29)."""

import io
import re

import pytest

from mailcore.core import Core
from mailcore.services.accounts import accounts
from mailcore.services.operations import faq
from mailcore.services.tickets import ticket_text, tickets
from mailcore.services.tickets.ticket_mail import reply_address as ticket_address
from portal.help import forms
from tests.portal.conftest import Browser

WORDS = {"kind": "login", "subject": "Cannot log in", "text": "I typed my password."}
TOPICS = {
    "order", "login", "two-passwords", "forgotten", "clients", "quota", "forwarding", "leaving", "closing", "who", "full",
}  # fmt: skip


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests type faster than people."""
    monkeypatch.setattr(forms, "MIN_SECONDS", 0)


def test_s29_a_stranger_asks_confirms_by_the_link_and_reads_the_answer(browser: Browser, core: Core):
    sent = browser.send("/help?lang=en", reply_to="kari@elsewhere.example", **WORDS)
    assert sent.status_code == 303
    assert "has number 1" in browser.get("/help/sent").text
    assert tickets.list_tickets(core) == []
    token = tickets.get_ticket(core, 1).token
    link = f"/tickets/link/{token}"
    assert "Yes, it was me" in browser.get(link).text
    assert tickets.list_tickets(core) == []  # a look spends nothing
    assert browser.send(link).status_code == 303
    assert [t.id for t in tickets.list_tickets(core)] == [1]
    tickets.send_reply(core, 1, "Try once more.", agent=None)
    assert "Try once more." in browser.get(link).text
    browser.send(link, text="It works, thanks!")
    assert "It works, thanks!" in browser.get(link).text


def test_s29_who_is_logged_in_sees_the_case_and_only_their_own(inside: Browser, core: Core):
    inside.send("/help?lang=en", reply_to="", **WORDS)
    assert "Cannot log in" in inside.get("/tickets/").text
    assert inside.get("/tickets/1").status_code == 200
    core.db.write(lambda tx: tickets.open_ticket(core, tx, kind="other", subject="Secret", text="x", reply_to=""))
    kari = accounts.add_account(core, "kari")
    tickets.submit_form(core, kind="other", subject="Hers", text="x", reply_to="", owner=kari, peer="x", language="nb")
    for others in (2, 3):
        assert inside.get(f"/tickets/{others}").status_code == 404
        assert inside.send("/tickets/1", to=f"/tickets/{others}", text="x").status_code == 404
        assert inside.get(f"/tickets/{others}/file/1").status_code == 404


def test_s29_someone_locked_out_must_give_an_address(browser: Browser, core: Core):
    page = browser.send("/help?lang=en", reply_to="", **WORDS)
    assert page.status_code == 400
    assert "not an e-mail address" in page.text
    assert "I typed my password." in page.text  # nothing that was written is lost


def test_s29_the_answer_comes_in_the_norwegian_that_was_written(inside: Browser, core: Core):
    """Whatever language the page was shown in (språklova section 15)."""
    words = {"kind": "login", "subject": "Innlogging", "text": "Eg veit ikkje kva eg gjer gale, korleis kjem eg inn?"}
    inside.send("/help?lang=en", reply_to="", **words)
    assert tickets.get_ticket(core, 1).language == "nn"
    inside.send("/help?lang=nn", reply_to="", kind="other", subject="Hm", text="???")
    assert tickets.get_ticket(core, 2).language == "nn"  # nothing to go by: that of the page


@pytest.mark.parametrize("trick", [{"website": "http://spam.example"}, {"shown": ""}, {"shown": "forged"}])
def test_s29_programs_are_kept_out_without_a_captcha(browser: Browser, core: Core, trick: dict[str, str]):
    assert browser.send("/help", reply_to="kari@elsewhere.example", **WORDS, **trick).status_code == 400
    assert tickets.count_by_state(core) == {}


def test_s29_too_quick_is_not_human_and_the_second_try_is(
    browser: Browser, core: Core, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(forms, "MIN_SECONDS", 3)
    assert browser.send("/help", reply_to="kari@elsewhere.example", **WORDS).status_code == 400
    assert tickets.count_by_state(core) == {}


def test_s29_files_are_limited_and_come_back_as_downloads(inside: Browser, core: Core, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ticket_text, "MAX_FILE_OCTETS", 1000)
    text = inside.get("/help?lang=en").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)[1]
    shown = re.search(r'name="shown"[^>]*value="([^"]+)"', text)[1]
    for name, octets, code in (
        ("a.exe", b"MZ\0", 400),
        ("big.png", b"\x89PNG\r\n\x1a\n" + b"0" * 1000, 400),
        ("picture.png", b"\x89PNG\r\n\x1a\n0", 303),
    ):
        data = {**WORDS, "csrf_token": token, "shown": shown, "reply_to": "", "files": (io.BytesIO(octets), name)}
        assert inside.client.post("/help", data=data).status_code == code, name
    file = inside.get(re.search(r'href="(/tickets/1/file/\d+)"', inside.get("/tickets/1").text)[1])
    assert file.data == b"\x89PNG\r\n\x1a\n0"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.mimetype == "application/octet-stream"


def test_a_stranger_does_not_open_others_files(browser: Browser, core: Core):
    assert browser.get("/tickets/1/file/1").status_code == 302
    assert browser.get("/tickets/link/nothing/file/1").status_code == 404
    assert browser.get("/tickets/link/nothing").status_code == 404


def test_the_address_of_a_case_is_its_token(core: Core):
    ticket = core.db.write(lambda tx: tickets.open_ticket(core, tx, kind="other", subject="x", text="x", reply_to=""))
    assert ticket_address(core, ticket) == f"help+{ticket.token}@alumni.example"


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_s28_every_question_has_an_anchor_and_the_topics_are_there(browser: Browser, language: str):
    page = browser.get(f"/faq?lang={language}").text
    anchors = set(re.findall(r'<h3 id="([a-z-]+)"', page))
    assert anchors >= TOPICS
    assert "$domain" not in page


def test_s28_the_three_languages_have_the_same_questions(core: Core):
    assert faq.list_problems(core) == []


def test_s28_the_site_changes_answers_without_a_deploy(browser: Browser, core: Core):
    folder = core.config.data_path / "faq"
    folder.mkdir()
    (folder / "70-party.nb.md").write_text(
        "# Fest\n\n## Når er festen? {#party}\n\nI *august*. <script>alert(1)</script>\n"
    )
    page = browser.get("/faq?lang=en").text
    assert '<section id="70-party" lang="nb">' in page  # no English yet: bokmål, and said so
    assert "<em>august</em>" in page
    assert "<script>alert" not in page
    (folder / "70-party.en.md").write_text("# Party\n\n## When is the party?\n\nIn May.\n")
    assert faq.list_problems(core) == [
        "70-party.nn.md is missing",
        "70-party.en.md: a question has no anchor such as {#name}",
        "70-party.en.md: the questions are not those of 70-party.nb.md",
    ]
    (folder / "10-account.nb.md").write_text("# Konto\n\n## Hvem? {#who}\n\nBare du.\n")
    assert "Bare du." in browser.get("/faq?lang=nb").text


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_links_of_the_answers_lead_somewhere(browser: Browser, language: str):
    links = set(re.findall(r'href="(/[^"#?]*)"', browser.get(f"/faq?lang={language}").text))
    assert len(links) > 10
    for link in links:
        answer = browser.get(link, follow_redirects=True)
        answer.close()
        assert answer.status_code == 200, link


def test_other_pages_point_to_anchors_that_exist(browser: Browser, core: Core, ola: object):
    anchors = {question.anchor for section in faq.list_sections(core, "nb") for question in section.questions}
    browser.log_in()
    for page in ("/forwarding", "/help", "/quota", "/account"):
        for anchor in re.findall(r'href="/faq#([a-z-]+)"', browser.get(page).text):
            assert anchor in anchors
    assert accounts.get_role(core, accounts.find_account(core, "ola").id) == ""
