"""Texts, status line and page tags in administration (N37): edited with a preview, and each change is in the log."""

import pytest
from markupsafe import escape

from mailcore.core import Core
from mailcore.services import audit
from mailcore.services.operations import faq, page_views, service_status, site_texts
from mailcore.services.tickets import canned
from tests.portal.conftest import Browser

FAQ = "/admin/texts/faq/40-quota/en"
CANNED = "/admin/texts/canned/password/nb"


def _entries(core: Core, event: audit.Event) -> list[tuple[str, str]]:
    lines = audit.search_entries(core, audit.AuditFilter(event=event))
    return [(line.entry.actor, line.entry.detail) for line in lines]


def _text(core: Core) -> str:
    return site_texts.load_text(core, site_texts.TextKind.FAQ, "40-quota", "en")


def test_n37_texts_are_listed_by_the_titles_that_people_see(eva: Browser, core: Core):
    for language in ("en", "nn"):
        page = eva.get(f"/admin/texts?lang={language}").text
        titles = [one.title for one in faq.list_sections(core, language)]
        titles += [one.title for one in canned.list_answers(core, language)]
        assert [title for title in titles if f'<th scope="row">{escape(title)}</th>' not in page] == []


def test_n37_an_answer_is_looked_at_first_and_then_saved(eva: Browser, core: Core):
    before = _text(core)
    changed = (
        before.replace("\n## ", "\nA **bold** word and <script>alert(1)</script>.\n\n## ", 1) + "\nMore for $domain.\n"
    )
    page = eva.send(FAQ, text=changed, action="preview")
    assert page.status_code == 200
    assert "More for alumni.example." in page.text
    assert "<script>alert" not in page.text
    assert _text(core) == before  # a preview saves nothing
    assert eva.send(FAQ, text=changed, action="save").status_code == 303
    assert "More for alumni.example." in eva.get("/faq?lang=en").text
    assert _entries(core, audit.Event.TEXT_SAVED) == [
        ("eva", f"faq/40-quota.en: {len(changed.strip()) + 1} characters, before {len(before)}")
    ]
    assert faq.list_problems(core) == []


def test_n37_the_shipped_text_comes_back(eva: Browser, core: Core):
    before = _text(core)
    eva.send(FAQ, text=before + "\nMore.\n", action="save")
    assert eva.send(FAQ, action="remove", text="").status_code == 303
    assert _text(core) == before
    assert [actor for actor, _ in _entries(core, audit.Event.TEXT_REMOVED)] == ["eva"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "empty or too long"), ("x", "each question"), ("# T\n\n## No anchor\n\nx", "each question"),
     ("# T\n\n## A {#a}\n\nx\n\n## B {#a}\n\ny", "each question"), ("# T\n\n## A {#a}\n\nx", "is there in another language"),
     ("# T\n" + "x" * 50_001, "too long")],
)  # fmt: skip
@pytest.mark.parametrize("action", ["preview", "save"])
def test_n37_an_answer_that_cannot_be_shown_is_not_saved(eva: Browser, core: Core, text: str, said: str, action: str):
    before = _text(core)
    page = eva.send(FAQ, text=text, action=action)
    assert (page.status_code, said in page.text.replace("&#39;", "'")) == (400, True)
    assert _text(core) == before


def test_n37_a_standard_answer_is_edited(eva: Browser, core: Core):
    assert eva.send(CANNED, text="Bare en linje", action="save").status_code == 400
    page = eva.send(CANNED, text="Nytt passord\nSe $url/password", action="preview").text
    assert "/password" in page
    assert eva.send(CANNED, text="Nytt passord\nSe $url/password", action="save").status_code == 303
    answer = next(one for one in canned.list_answers(core, "nb") if one.name == "password")
    assert (answer.title, answer.text) == ("Nytt passord", f"Se {core.config.url}/password\n")


@pytest.mark.parametrize(
    "path",
    ["faq/..%2F..%2Fx/en", "faq/40-quota/xx", "letters/x/en", "canned/A/en", "faq/quota/en", "faq/40-quota%00/en"],
)
def test_n37_only_texts_have_a_page_and_no_other_file(eva: Browser, path: str):
    assert eva.get(f"/admin/texts/{path}").status_code in (400, 404)


def test_n37_a_status_line_is_looked_at_announced_and_ended(eva: Browser, core: Core):
    words = {"nb": "Nede <b>nå</b>", "nn": "Nede no", "en": "Down now", "level": "bad"}
    assert "Down now" in eva.send("/admin/texts/status", action="preview", **words).text
    assert service_status.list_current(core) == []
    assert eva.send("/admin/texts/status", action="announce", **words).status_code == 303
    [incident] = service_status.list_current(core)
    assert "Nede &lt;b&gt;nå&lt;/b&gt;" in eva.get("/?lang=nb").text
    assert (
        eva.send("/admin/texts/status?lang=en", to="/admin/texts/status/end", number=str(incident.id)).status_code
        == 303
    )
    assert service_status.list_current(core) == []
    assert _entries(core, audit.Event.STATUS_ANNOUNCED) == [("eva", f"{incident.id}, bad: Down now")]
    assert _entries(core, audit.Event.STATUS_ENDED) == [("eva", f"{incident.id}, bad: Down now")]


def test_n37_a_status_line_that_lacks_a_language_is_not_announced(eva: Browser, core: Core):
    assert eva.send("/admin/texts/status", action="announce", nb="x", nn="", en="x", level="info").status_code == 400
    assert service_status.list_current(core) == []


def test_n37_a_page_is_tagged_with_before_and_after_in_the_log(eva: Browser, core: Core):
    eva.send(
        "/admin/texts/tags?page=/faq",
        to="/admin/texts/tags",
        page="/faq",
        audience=["students", "alumni"],
        topic="help",
    )
    eva.send("/admin/texts/tags?page=/faq", to="/admin/texts/tags", page="/faq", audience="staff")
    facts = page_views.get_facts(core, "/faq")
    assert (facts.audience, facts.topic) == (("staff",), ())
    assert _entries(core, audit.Event.PAGE_TAGGED) == [
        ("eva", "/faq: staff, before students alumni help"),
        ("eva", "/faq: students alumni help, before none"),
    ]
    assert (
        eva.send(
            "/admin/texts/tags?page=/faq", to="/admin/texts/tags", page="/etc/passwd", audience="staff"
        ).status_code
        == 400
    )
    assert (
        eva.send("/admin/texts/tags?page=/faq", to="/admin/texts/tags", page="/faq", audience="cats").status_code == 400
    )
