"""Search in the portal: words and operators over all mailboxes, with and without an index, and what is marked."""

import re

import pytest

from mailcore.services.webmail import indexing, mail_search, mail_settings
from portal.webmail.finding import marked
from tests.portal.mailing import letter, put


@pytest.fixture(params=["without an index", "with marks", "with an index", "with an index that is behind"])
def filled(request, core, ola):
    put(core, ola, letter(9, subject="Noe annet", text="intet her"), "Archive")
    if "behind" in request.param:
        indexing.update_index(core, ola.id)
    put(core, ola)
    put(core, ola, letter(2, subject="Ferie", text="Vi reiser til Ås i juli"), "Sent")
    if request.param == "with an index":
        indexing.update_index(core, ola.id)
    elif request.param == "with marks":
        assert indexing.mark_texts(core) > 2


CASES = [
    ("grønn", {"Møte i Ås"}), ("GRØNN sal", {"Møte i Ås"}), ("from:kåre", {"Møte i Ås"}), ("from:ola", set()),
    ("subject:møte", {"Møte i Ås"}), ("to:kari", {"Møte i Ås"}), ("has:attachment", {"Møte i Ås"}),
    ("before:2020-01-01", set()), ("after:2020-01-01 møte", {"Møte i Ås"}), ("in:Trash møte", set()),
    ("in:INBOX møte", {"Møte i Ås"}),
    ('"grønn sal"', {"Møte i Ås"}), ('"sal grønn"', set()), ("", set()), ("finnesikke", set()), ("before:igår", set()),
    ("ås", {"Møte i Ås", "Ferie"}), ("in:any ås", {"Møte i Ås", "Ferie"}), ("in:sent ås", {"Ferie"}), ("reiser juli", {"Ferie"}),
    ("reiser grønn", set()), ("ju", {"Ferie"}), ("%", set()), ("has:attachment reiser", set()),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "found"), CASES)
def test_search_finds_by_words_and_operators(core, ola, filled, asked, found):
    hits = mail_search.search(core, ola.id, mail_search.parse(asked)).hits
    assert {hit.line.subject for hit in hits} - {"Velkommen til Alumnimail"} == found


def test_the_page_marks_what_was_found_and_shows_where(inside, core, ola):
    put(core, ola)
    put(core, ola, letter(2, subject="Ferie", text="x " * 300 + "Vi reiser til <Ås> i juli " + "y " * 300), "Archive")
    page = inside.get("/mail/search", query_string={"q": "ås"}).text
    assert "Møte i <mark>Ås</mark>" in page
    assert "reiser til &lt;<mark>Ås</mark>&gt; i juli" in page
    assert re.search(r'class="badge">Arkiv<', page)
    assert len(re.search(r'class="text">(.*?)</span>', page, re.DOTALL)[1]) < 400


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("årsmøte", True),
        ("velkommen årsmøte", True),
        ('"til årsmøte"', True),
        ("aring", False),
        ("font", False),
        ("skjult", False),
        ("plan.pdf", True),
    ],
)
def test_a_search_sees_what_a_reader_sees(core, ola, indexed, asked, found):
    html = '<font size=2>Velkommen <i>til</i> &aring;rs<b>m&oslash;te</b></font><div style="display:none">skjult</div>'
    octets = (
        "From: k@x.example\r\nSubject: Hei\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        f"Content-Type: text/html\r\n\r\n{html}\r\n--b\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\nx\r\n--b--\r\n"
    )
    put(core, ola, octets.encode())
    if indexed:
        indexing.update_index(core, ola.id)
    hits = mail_search.search(core, ola.id, mail_search.parse(asked)).hits
    assert [hit.line.subject for hit in hits] == (["Hei"] if found else [])


def test_a_search_that_met_new_mail_asks_for_the_index(core, ola):
    put(core, ola)
    mail_search.search(core, ola.id, mail_search.parse("grønn"))
    assert indexing.update_requested(core) == 1
    assert core.search.list_known(ola.id)
    mail_search.search(core, ola.id, mail_search.parse("grønn"))
    assert indexing.update_requested(core) == 0


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("a<b", (), "a&lt;b"),
        ("Hei hei", ("hei",), "<mark>Hei</mark> <mark>hei</mark>"),
        ("ab<c", ("b<",), "a<mark>b&lt;</mark>c"),
        ("aba", ("ab", "ba"), "<mark>ab</mark>a"),
        ("x", ("y",), "x"),
        ("İx", ("x",), "İx"),
        ("", ("y",), ""),
    ],
)
def test_words_are_marked_where_they_stand(text, words, shown):
    assert str(marked(text, words)) == shown


def test_a_search_is_kept_beside_the_mailboxes_and_removed(inside, core, ola):
    put(core, ola, letter(subject="Budsjett for kor"))
    page = inside.send(
        "/mail/search?q=budsjett kor", to="/mail/search", q="budsjett kor", name="Korets penger", action="save"
    )
    assert page.status_code == 303
    shown = inside.get("/mail/").text.partition('<nav class="mailboxes"')[2].partition("</nav>")[0]
    assert "Korets penger" in shown
    assert 'href="/mail/search?q=budsjett%20kor"' in shown.replace("+", "%20")
    found = inside.get("/mail/search?q=budsjett+kor").text
    assert "1 melding funnet" in found
    assert re.search(r'aria-current="page"><span>.*?Korets penger', found)
    inside.send(
        "/mail/search?q=budsjett kor", to="/mail/search", q="budsjett kor", name="Korets penger", action="delete"
    )
    assert "Korets penger" not in inside.get("/mail/").text


def test_searches_that_are_kept_are_bounded_and_survive_other_settings(inside, core, ola):
    for number in range(mail_settings.MAX_SEARCHES):
        mail_settings.save_search(core, ola.id, f"Søk {number}", f"ord{number}")
    inside.send("/mail/search?q=x", to="/mail/search", q="x", name="Et til", action="save")
    assert "Et til" not in inside.get("/mail/").text
    inside.send("/mail/search", to="/mail/search", q="", name="", action="save")
    inside.send("/mail/settings", action="reading", threads="y", undo_seconds="0")
    settings = mail_settings.read_settings(core, ola.id)
    assert (settings.threads, len(settings.searches)) == (True, mail_settings.MAX_SEARCHES)
