"""The editors of a topic (N39): least rights, preview, test, sending at a time, stopping, correcting, results, a copy by mail."""

import re

import pytest

from mailcore.core import Core
from mailcore.domain import Account, NewsletterState
from mailcore.errors import NotAllowed
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import AuditFilter, Event
from mailcore.services.newsletters import corrections, editors, issues, sending, topics, work
from tests.portal.conftest import PASSWORD, Browser

NAMES = {"nb": "Nytt fra fakultetet", "nn": "Nytt frå fakultetet", "en": "Faculty news"}
TEXT = "Dette er **nytt**."


@pytest.fixture
def topic(core: Core, ola: Account) -> int:
    """A topic that ola edits and has agreed to."""
    number = topics.create_topic(core, NAMES, actor="eva")
    topics.set_consents(core, ola.id, {number}, {number: "Ja takk"})
    editors.add_editor(core, number, "ola", actor="eva")
    return number


def write(inside: Browser, topic: int, **more: str) -> int:
    words = {"language": "nb", "subject": "November", "text": TEXT, "action": "save"} | more
    answer = inside.send(f"/newsletters/topic/{topic}/new", **words)
    assert answer.status_code == 303
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def state(core: Core, number: int) -> NewsletterState:
    return sending.find_newsletter(core, number).state


@pytest.fixture
def strange(core: Core) -> list[str]:
    """Addresses of a topic that nobody edits and of its draft, 1."""
    number = topics.create_topic(core, NAMES, actor="eva")
    newsletter = issues.create_draft(core, number, "nb", "x", "y", actor="eva")
    return [
        f"/newsletters/topic/{number}/new",
        f"/newsletters/topic/{number}/results",
        f"/newsletters/{newsletter}",
        f"/newsletters/{newsletter}/send",
        f"/newsletters/{newsletter}/correct",
        "/newsletters/999",
    ]


def test_n39_an_editor_of_another_topic_has_nothing_to_do_with_this_one(
    core: Core, strange: list[str], inside: Browser, topic: int
):
    assert [inside.get(path).status_code for path in strange] == [403] * len(strange)
    assert inside.send("/account", to="/newsletters/1/act", action="delete").status_code == 403
    assert state(core, 1) is NewsletterState.DRAFT


def test_n39_an_administrator_is_no_editor_by_that(strange: list[str], eva: Browser):
    assert [eva.get(path).status_code for path in (*strange, "/newsletters/")] == [403] * (len(strange) + 1)


def test_n39_an_editor_sees_numbers_and_no_names(core: Core, inside: Browser, topic: int):
    kari = accounts.add_account(core, "kari", display_name="Kari Nordmann")
    topics.set_consents(core, kari.id, {topic}, {topic: "Ja"})
    page = inside.get("/newsletters/?lang=en").text
    assert "2 have agreed." in page
    assert "kari" not in page.lower()
    assert inside.get(f"/admin/topics/{topic}").status_code == 403


def test_n39_a_draft_is_looked_at_first_saved_and_tried_out(core: Core, inside: Browser, topic: int):
    path = f"/newsletters/topic/{topic}/new"
    page = inside.send(path, language="nb", subject="November", text=f"{TEXT} <b>x</b>", action="preview")
    assert "<strong>nytt</strong>" in page.text
    assert "<b>x</b>" not in page.text
    assert issues.list_newsletters(core, [topic]) == []
    assert inside.send(path, language="nb", subject="", text=TEXT, action="save").status_code == 400
    number = write(inside, topic)
    assert (
        inside.send(f"/newsletters/{number}", language="nn", subject="Ny", text=TEXT, action="save").status_code == 303
    )
    assert (sending.find_newsletter(core, number).language, sending.find_newsletter(core, number).subject) == (
        "nn",
        "Ny",
    )
    assert inside.send(f"/newsletters/{number}/act", action="test").status_code == 303
    assert "[Prøvemelding] Ny" in inside.get("/mail/INBOX/").text


def test_n39_sending_asks_for_the_password_and_waits_for_its_time(core: Core, inside: Browser, topic: int):
    number = write(inside, topic)
    assert "1 person" in inside.get(f"/newsletters/{number}/send?lang=en").text
    assert inside.send(f"/newsletters/{number}/send", password="wrong").status_code in (400, 403)
    assert state(core, number) is NewsletterState.DRAFT
    at = core.clock.now().astimezone(core.config.zone)
    later = at.replace(year=at.year + 2).strftime("%Y-%m-%dT%H:%M")
    assert inside.send(f"/newsletters/{number}/send", password=PASSWORD, at=later).status_code == 400
    soon = (at.replace(hour=23, minute=59)).strftime("%Y-%m-%dT%H:%M")
    assert inside.send(f"/newsletters/{number}/send", password=PASSWORD, at=soon).status_code == 303
    assert state(core, number) is NewsletterState.SCHEDULED
    found = sending.find_newsletter(core, number)
    assert found.send_at is not None
    assert found.send_at.astimezone(core.config.zone).strftime("%H:%M") == "23:59"
    assert inside.send(f"/newsletters/{number}/act", action="take-back").status_code == 303
    assert inside.send(f"/newsletters/{number}/send", password=PASSWORD, at="").status_code == 303
    assert work.work_on_newsletters(core) == 1
    page = inside.get(f"/newsletters/{number}?lang=en").text
    assert re.search(r"Put into a mailbox here</th><td class=\"number\">1<", page)
    actors = [one.entry.actor for one in audit.search_entries(core, AuditFilter(event=Event.NEWSLETTER_SCHEDULED))]
    assert actors == ["ola", "ola"]


def test_n39_a_correction_is_written_and_proved(core: Core, inside: Browser, topic: int):
    number = write(inside, topic)
    inside.send(f"/newsletters/{number}/send", password=PASSWORD, at="")
    work.work_on_newsletters(core)
    page = f"/newsletters/{number}/correct"
    assert "1 copy here has not been read" in inside.get(f"{page}?lang=en").text
    assert inside.send(page, subject="November", text="Rett", password="wrong").status_code in (400, 403)
    assert inside.send(page, subject="November", text="Rett", password=PASSWORD).status_code == 303
    assert work.work_on_newsletters(core) == 1
    assert sending.find_newsletter(core, number).counts.corrected == 1
    assert corrections.count_unread(core, sending.find_newsletter(core, number)) == 1


def test_n39_results_are_a_plot_and_a_table(core: Core, inside: Browser, topic: int):
    page = f"/newsletters/topic/{topic}/results?lang=en"
    assert "Nothing has been sent yet." in inside.get(page).text
    number = write(inside, topic)
    inside.send(f"/newsletters/{number}/send", password=PASSWORD, at="")
    work.work_on_newsletters(core)
    shown = inside.get(page).text
    assert '<svg class="plot"' in shown
    assert '<rect class="p0"' in shown
    assert re.search(r'data-label="Here">1<', shown)


def test_n39_an_administrator_names_editors_and_the_log_tells(core: Core, eva: Browser, ola: Account):
    number = topics.create_topic(core, NAMES, actor="eva")
    page = f"/admin/topics/{number}"
    assert "newsletter+faculty-news@alumni.example" in eva.get(page).text
    assert eva.send(page, action="add-editor", editor="ola", password="wrong").status_code in (400, 403)
    assert eva.send(page, action="add-editor", editor="nobody", password=PASSWORD).status_code == 400
    assert eva.send(page, action="add-editor", editor="ola", password=PASSWORD).status_code == 303
    assert editors.list_editors(core, number) == ["ola"]
    assert eva.send(page, action="reply-to", reply_to="x", password=PASSWORD).status_code == 400
    assert eva.send(page, action="reply-to", reply_to="office@uni.example", password=PASSWORD).status_code == 303
    assert topics.find_topic(core, number).reply_to == "office@uni.example"
    assert eva.send(page, action="remove-editor", editor="ola", password=PASSWORD).status_code == 303
    with pytest.raises(NotAllowed):
        editors.find_own_topic(core, ola.id, number)
    events = [one.event for one in audit.list_entries(core, ola.id)]
    assert events[:2] == [Event.EDITOR_REMOVED, Event.EDITOR_ADDED]
