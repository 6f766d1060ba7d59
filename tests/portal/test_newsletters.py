"""Newsletters (N13): consent topic by topic with proof, left by one press, and the list for the office."""

import csv
import io
import re

import pytest

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import InvalidName
from mailcore.services import audit
from mailcore.services.accounts import accounts, closing
from mailcore.services.newsletters import topics as newsletter_topics
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser

NAMES = {"nb": "Nytt fra fakultetet", "nn": "Nytt frå fakultetet", "en": "Faculty news"}


@pytest.fixture
def topic(core: Core) -> int:
    return newsletter_topics.create_topic(core, NAMES, actor="eva")


def _agree(core: Core, account: Account, topic: int) -> None:
    newsletter_topics.set_consents(core, account.id, {topic}, {topic: "Ja takk"})


def _path(core: Core, account: Account, topic: int) -> str:
    return newsletter_topics.create_leave_link(core, account.id, topic).removeprefix(core.config.url)


def test_n13_nothing_is_agreed_to_before_the_owner_says_so(inside: Browser, core: Core, ola: Account, topic: int):
    page = inside.get("/account/newsletters").text
    assert "checked" not in page
    assert newsletter_topics.list_consents(core, ola.id) == set()


def test_n13_the_owner_agrees_topic_by_topic_and_the_words_of_the_question_are_kept(
    inside: Browser, core: Core, ola: Account, topic: int
):
    other = newsletter_topics.create_topic(core, {"nb": "Jobb", "nn": "Jobb", "en": "Jobs"}, actor="eva")
    assert inside.send("/account/newsletters?lang=en", topic=str(topic)).status_code == 303
    assert newsletter_topics.list_consents(core, ola.id) == {topic}
    given = next(one for one in audit.list_entries(core, ola.id) if one.event == audit.Event.CONSENT_GIVEN)
    assert given.detail == f"{topic}: Yes, send me “Faculty news” by e-mail"
    inside.send("/account/newsletters", topic=[str(topic), str(other), "999"])
    assert newsletter_topics.list_consents(core, ola.id) == {topic, other}
    inside.send("/account/newsletters")
    assert newsletter_topics.list_consents(core, ola.id) == set()
    events = [one.event for one in audit.list_entries(core, ola.id)]
    assert (events.count("consent given"), events.count("consent withdrawn")) == (2, 2)


def test_n13_a_mail_program_leaves_by_one_press_without_cookie_or_form(core: Core, ola: Account, topic: int):
    """RFC 8058 section 3.2: a POST with this body, and nothing else."""
    _agree(core, ola, topic)
    client = create_app(core).test_client()
    assert client.get(_path(core, ola, topic)).status_code == 200
    assert newsletter_topics.list_consents(core, ola.id) == {topic}  # looking is not leaving
    answer = client.post(_path(core, ola, topic), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert newsletter_topics.list_consents(core, ola.id) == set()
    assert client.post(_path(core, ola, topic), data={"List-Unsubscribe": "One-Click"}).status_code == 200


@pytest.mark.parametrize("change", ["x", "", "1.1.", "1.1." + "0" * 32, "9" * 40 + ".1.x", "²." + "1.x", "a.b.c.d"])
def test_n13_no_other_link_leaves(core: Core, ola: Account, topic: int, change: str):
    _agree(core, ola, topic)
    client = create_app(core).test_client()
    assert client.post(f"/newsletters/leave/{change}").status_code in (404, 405, 410)
    kari = accounts.add_account(core, "kari")
    stolen = _path(core, kari, topic).replace(f"/{kari.id}.", f"/{ola.id}.")
    assert client.post(stolen).status_code == 410
    assert newsletter_topics.list_consents(core, ola.id) == {topic}


def test_n13_the_list_is_taken_out_with_proof_of_consent_and_only_of_those_who_agreed(
    eva: Browser, core: Core, ola: Account, topic: int
):
    accounts.add_account(core, "kari")
    _agree(core, ola, topic)
    page = f"/admin/topics/{topic}"
    assert eva.send(page, action="export", password="wrong").status_code == 400
    answer = eva.send(page, action="export", password=PASSWORD)
    [row] = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert (row["address"], row["agreed_to"]) == ("ola@alumni.example", "Ja takk")
    assert row["list_unsubscribe"].endswith(_path(core, ola, topic))
    taken = audit.search_entries(core, audit.AuditFilter(event=audit.Event.SUBSCRIBERS_EXPORTED))[0].entry
    assert (taken.actor, taken.detail) == ("eva", f"{topic}: Faculty news, 1 subscribers")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_n13_a_name_is_no_formula_in_the_list(core: Core, ola: Account, topic: int, begin: str):
    core.db.write(lambda tx: tx.run("UPDATE account SET display_name=? WHERE id=?", f"{begin}cmd", ola.id))
    _agree(core, ola, topic)
    text = newsletter_topics.export_subscribers(core, topic, agent=ola)
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["name"] == f"'{begin}cmd"


def test_n13_a_list_of_more_subscribers_asks_the_database_no_more_often(core: Core, ola: Account, topic, monkeypatch):
    reads: list[object] = []
    read = type(core.db).read
    monkeypatch.setattr(type(core.db), "read", lambda *about, **more: (reads.append(about), read(*about, **more))[1])
    asked = []
    for name in ("ola", "siri", "per"):
        account = ola if name == "ola" else accounts.add_account(core, name)
        _agree(core, account, topic)
        reads.clear()
        text = newsletter_topics.export_subscribers(core, topic, agent=ola)
        asked.append((len(reads), f"{name}@alumni.example" in text))
    assert len(set(asked)) == 1, asked


def test_n13_a_closed_account_gets_nothing(core: Core, ola: Account, topic: int):
    _agree(core, ola, topic)
    closing.close_account(core, "ola")
    assert [newsletter_topics.count_subscribers(core, one.id) for one in newsletter_topics.list_topics(core)] == [0]


def test_n13_a_topic_that_ends_takes_every_consent_with_it(eva: Browser, core: Core, ola: Account, topic: int):
    _agree(core, ola, topic)
    assert eva.send(f"/admin/topics/{topic}", action="end", password=PASSWORD).status_code == 303
    assert newsletter_topics.list_consents(core, ola.id) == set()
    assert newsletter_topics.list_topics(core) == []
    with pytest.raises(InvalidName):
        newsletter_topics.end_topic(core, topic, actor="eva")
    ended = audit.search_entries(core, audit.AuditFilter(event=audit.Event.TOPIC_ENDED))[0].entry
    assert ended.detail == f"{topic}: Faculty news, before 1 subscribers"


def test_n13_a_topic_has_a_name_in_each_language(eva: Browser, core: Core):
    eva.get("/admin/topics?lang=nb")
    refused = eva.send("/admin/topics", nb="Nytt", nn="", en="News")
    assert (refused.status_code, "This field is required" in refused.text) == (400, False)
    assert "fylles ut" in refused.text
    eva.get("/admin/topics?lang=en")
    assert eva.send("/admin/topics", **NAMES).status_code == 303
    assert re.search(r">Faculty news</a>", eva.get("/admin/topics").text)
