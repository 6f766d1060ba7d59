"""Filters as sentences, ordered and turned on and off by buttons; the own script with errors beside the line."""

import asyncio
import html
import re

import pytest

from mailcore.domain import (
    Envelope,
    FilterAction,
    FilterCondition,
    FilterField,
    FilterMatch,
    FilterRule,
    FilterVerb,
    Script,
)
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery.scripts import save_script
from portal.filters import rule_form
from tests.portal.conftest import PASSWORD

NEWS = FilterRule(
    "Nyheter",
    (FilterCondition(FilterField.LIST_ID, FilterMatch.IS, "news.ntnu.example"),),
    (FilterAction(FilterVerb.FILE, "Archive"), FilterAction(FilterVerb.READ), FilterAction(FilterVerb.STOP)),
)
LARGE = FilterRule(
    "Stort", (FilterCondition(FilterField.SIZE, FilterMatch.OVER, str(10 * 2**20)),), (FilterAction(FilterVerb.FLAG),)
)


def post(browser, page, to="", **fields):
    """Like Browser.send, and with fields that stand several times."""
    text = browser.get(page).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)[1]
    mark = re.search(r'name="mark" value="([^"]+)"', text)
    return browser.client.post(to or page, data={"csrf_token": token, "mark": mark[1] if mark else "", **fields})


def arrive(core, subject="hei", sender="kari@outside.example"):
    """Deliver one message; the mailboxes where it is."""
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
    octets = f"From: Kari <{sender}>\r\nTo: ola@alumni.example\r\nSubject: {subject}\r\n\r\nhei\r\n".encode()
    [done] = asyncio.run(delivery.accept(core, Envelope(sender, (found.address,)), [found], octets, b""))
    return done.mailboxes


def test_a_filter_is_made_by_the_form_and_works_at_once(inside, core, ola):
    answer = post(
        inside,
        "/filters/new",
        name="Fra Kari",
        every="all",
        field=["from", "subject"],
        match=["contains", "contains"],
        value=["kari@", ""],
        header=["", ""],
        file="",
        new_mailbox="Venner",
        action="save",
    )
    assert answer.status_code == 303
    assert arrive(core) == ("Venner",)
    assert "Hvis avsenderen inneholder «kari@»: legg i Venner." in inside.get("/filters").text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "nb",
            "Hvis e-postlisten er nøyaktig «news.ntnu.example»: legg i Arkiv, merk som lest, og bruk ingen flere filtre.",
        ),
        (
            "nn",
            "Om e-postlista er nøyaktig «news.ntnu.example»: legg i Arkiv, merk som lesen, og bruk ingen fleire filter.",
        ),
        (
            "en",
            "If the mailing list is exactly «news.ntnu.example»: file in Archive, mark as read, and stop here.",
        ),
    ],
)
def test_a_filter_reads_as_a_sentence_in_each_language(inside, core, ola, language, words):
    filters.save_rules(core, ola.id, [NEWS, LARGE])
    page = html.unescape(inside.get(f"/filters?lang={language}").text)
    assert words in page
    assert "10 MB" in page


def test_filters_are_ordered_turned_off_and_deleted_by_buttons(inside, core, ola):
    filters.save_rules(core, ola.id, [NEWS, LARGE])
    post(inside, "/filters", action="down 0")
    assert [rule.name for rule in filters.list_rules(core, ola.id)] == ["Stort", "Nyheter"]
    post(inside, "/filters", action="up 1")
    post(inside, "/filters", action="off 1")
    assert [(rule.name, rule.enabled) for rule in filters.list_rules(core, ola.id)] == [
        ("Nyheter", True),
        ("Stort", False),
    ]
    assert "addflag" not in filters.read_generated(core, ola.id).partition("Nyheter")[2].partition("fileinto")[2]
    post(inside, "/filters", action="on 1")
    post(inside, "/filters", action="delete 0")
    assert [(rule.name, rule.enabled) for rule in filters.list_rules(core, ola.id)] == [("Stort", True)]
    for nonsense in ("up 0", "down 0", "delete 7", "delete -1", "fly 0", "delete", ""):
        post(inside, "/filters", action=nonsense)
    assert len(filters.list_rules(core, ola.id)) == 1


def test_a_page_that_is_older_than_the_filters_changes_nothing(inside, core, ola):
    filters.save_rules(core, ola.id, [NEWS, LARGE])
    token = re.search(r'name="csrf_token" value="([^"]+)"', inside.get("/filters").text)[1]
    inside.client.post("/filters", data={"csrf_token": token, "mark": "0123456789abcdef", "action": "delete 0"})
    assert len(filters.list_rules(core, ola.id)) == 2
    assert "endret et annet sted" in inside.get("/filters").text


def test_a_filter_is_changed_and_keeps_its_place_and_state(inside, core, ola):
    filters.save_rules(core, ola.id, [LARGE, NEWS])
    page = inside.get("/filters/1").text
    assert 'value="10 MB"' in page
    post(
        inside,
        "/filters/1",
        name="Svært stort",
        every="all",
        field="size",
        match="over",
        value="1,5 MB",
        header="",
        flag="on",
        action="save",
    )
    first, second = filters.list_rules(core, ola.id)
    assert (first.name, first.conditions[0].value, second.name) == ("Svært stort", str(3 * 2**19), "Nyheter")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value": "x"}, "Velg hva som skal skje"),
        ({"value": "x", "delete": "on", "file": "Archive"}, "kan ikke legges i en mappe"),
        ({"value": "x", "forward": "a@elsewhere.example"}, "ikke sagt ja"),
        ({"field": "size", "match": "over", "value": "mye", "flag": "on"}, "Skriv størrelsen"),
        ({"field": "header", "value": "x", "header": "a b", "flag": "on"}, "navnet på det andre feltet"),
        ({"value": "x", "new_mailbox": "a//b"}, 'class="problem"'),
    ],
)
def test_what_cannot_be_meant_is_told_and_kept_in_the_form(inside, core, ola, fields, words):
    sent = {"name": "Min <regel>", "every": "any", "field": "from", "match": "contains", "header": "", **fields}
    answer = post(inside, "/filters/new", action="save", **sent)
    assert answer.status_code == 400
    assert words in answer.text
    assert "Min &lt;regel&gt;" in answer.text
    assert filters.list_rules(core, ola.id) == ()


def test_more_rows_are_had_without_javascript_and_nothing_is_lost(inside, core, ola):
    answer = post(
        inside,
        "/filters/new",
        name="x",
        field=["to", "from"],
        match=["is", "contains"],
        value=["a@b.example", ""],
        header=["", ""],
        action="more",
    )
    assert answer.text.count('name="value"') == 4
    assert 'value="a@b.example"' in answer.text
    assert filters.list_rules(core, ola.id) == ()


def test_a_rule_forwards_to_the_confirmed_target_only(inside, core, ola):
    forwarding.set_forwarding(core, ola.id, "ola@elsewhere.example", copy=True, confirmed=True)
    answer = post(
        inside,
        "/filters/new",
        name="f",
        field="from",
        match="contains",
        value="kari",
        header="",
        forward="ola@elsewhere.example",
        action="save",
    )
    assert answer.status_code == 303
    assert "send en kopi til ola@elsewhere.example" in inside.get("/filters").text


@pytest.mark.parametrize(
    "rule",
    [
        NEWS,
        LARGE,
        FilterRule(
            "x",
            (FilterCondition(FilterField.HEADER, FilterMatch.MATCHES, "*a?", "X-Spam"),),
            (FilterAction(FilterVerb.DELETE),),
            False,
        ),
        FilterRule(
            "",
            (),
            (FilterAction(FilterVerb.FLAG, "$Work"), FilterAction(FilterVerb.FORWARD, "a@b.example")),
            True,
            False,
        ),
    ],
)
def test_a_rule_that_is_opened_and_saved_is_the_same(rule):
    assert rule_form.to_rule(rule_form.of_rule(rule), rule) == rule


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("10 MB", "10485760"),
        ("1,5 kB", "1536"),
        ("2g", "2147483648"),
        ("100", "100"),
        ("3 MiB", "3145728"),
        ("much", "much"),
        ("", ""),
    ],
)
def test_sizes_are_read_as_people_write_them(text, octets):
    assert rule_form.octets(text) == octets


# The own script


def test_errors_stand_beside_their_line_and_what_was_typed_stays(inside, core, ola):
    source = 'require "fileinto";\nfileinto "A";\nnonsense;\nif header :is "subject" { keep; }\n'
    answer = post(inside, "/filters/scripts/", name="min", source=source, action="save")
    assert answer.status_code == 400
    wrong = re.findall(r'<li class="wrong"><code>(.*?)</code>.*?Linje (\d+):', answer.text)
    assert wrong == [("nonsense;", "3"), ("if header :is &#34;subject&#34; { keep; }", "4")]
    assert "nonsense;" in answer.text.partition("<textarea")[2]
    assert filters.read_scripts(core, ola.id) == []


def test_a_script_is_saved_activated_changed_and_deleted(inside, core, ola):
    source = 'require "fileinto";\nfileinto "Archive";'
    assert post(inside, "/filters/scripts/", name="min", source=source, action="activate").status_code == 303
    assert arrive(core) == ("Archive",)
    assert "min" in inside.get("/filters").text
    post(inside, "/filters/scripts/min", source="keep;", action="save")
    assert arrive(core) == ("INBOX",)
    post(inside, "/filters", to="/filters/scripts/min/deactivate")
    post(inside, "/filters", to="/filters/scripts/min/delete")
    assert filters.read_scripts(core, ola.id) == []
    assert inside.get("/filters/scripts/min").status_code == 404


def test_only_looking_for_mistakes_saves_nothing(inside, core, ola):
    answer = post(inside, "/filters/scripts/", name="min", source="keep;", action="check")
    assert answer.status_code == 200
    assert filters.read_scripts(core, ola.id) == []


def test_a_script_that_sends_mail_on_needs_the_password(inside, core, ola):
    source = 'redirect "thief@elsewhere.example";'
    assert post(inside, "/filters/scripts/", name="min", source=source, action="activate").status_code == 403
    assert filters.read_scripts(core, ola.id) == []
    assert (
        post(inside, "/filters/scripts/", name="min", source=source, password=PASSWORD, action="save").status_code
        == 303
    )
    assert post(inside, "/filters/scripts/min", source=source, action="save").status_code == 303  # unchanged
    assert post(inside, "/filters/scripts/min", source=source, action="activate").status_code == 403
    assert post(inside, "/filters/scripts/min", source=source, password=PASSWORD, action="activate").status_code == 303
    assert post(inside, "/filters/scripts/min", source=source, action="activate").status_code == 303  # it is


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
@pytest.mark.parametrize(
    "path", ["/filters", "/filters/new", "/filters/1", "/filters/scripts/", "/filters/scripts/min"]
)
def test_the_pages_are_shown_in_each_language(inside, core, ola, path, language):
    filters.save_rules(core, ola.id, [NEWS])
    filters.put_script(core, ola.id, "min", "keep;")
    assert inside.get(f"{path}?lang={language}").status_code == 200


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "nb",
            [
                "Linje 1: ukjent utvidelse «fileintoo»; mente du «fileinto»?",
                "Linje 2: «keep» tar ingen argumenter; en streng er for mye",
                "Linje 3: «redirect» vil ha en streng som adresse, men der står et tall",
                "Linje 4: her skulle det stå «;» eller en blokk, men der står slutten av skriptet",
            ],
        ),
        (
            "nn",
            [
                "Linje 1: ukjend utviding «fileintoo»; meinte du «fileinto»?",
                "Linje 2: «keep» tek ingen argument; ein streng er for mykje",
                "Linje 3: «redirect» vil ha ein streng som adresse, men der står eit tal",
            ],
        ),
        (
            "en",
            [
                "Line 1: unknown extension 'fileintoo'; did you mean 'fileinto'?",
                "Line 2: 'keep' takes no arguments, found a string",
                "Line 3: 'redirect' needs a string as address, found a number",
            ],
        ),
    ],
)
def test_errors_of_a_script_are_told_in_the_language_of_the_page(inside, language, words):
    inside.get(f"/filters?lang={language}")  # chooses it
    source = 'require "fileintoo";\nkeep "x";\nredirect 5;\nstop'
    answer = post(inside, "/filters/scripts/", name="min", source=source, action="check")
    assert answer.status_code == 400
    page = html.unescape(answer.text)
    assert [one for one in words if one not in page] == []


def test_a_script_may_include_another_of_the_same_person(inside, core, ola):
    filters.put_script(core, ola.id, "felles", "keep;")
    source = 'require "include";\ninclude :personal "felles";'
    assert post(inside, "/filters/scripts/", name="min", source=source, action="save").status_code == 303


def test_what_is_probably_not_meant_stands_beside_its_line(inside, core, ola):
    source = 'require ["fileinto", "copy"];\nfileinto "Nowhere";\nstop;\nkeep;'
    answer = post(inside, "/filters/scripts/", name="min", source=source, action="check")
    assert answer.status_code == 200
    page = html.unescape(answer.text)
    assert "Linje 1: utvidelsen «copy» er krevd, men ikke brukt" in page
    assert "Linje 2: det finnes ingen mappe «Nowhere»" in page
    assert "Linje 4: hit kommer det aldri: «stop» står foran" in page


def test_s24_a_script_from_a_mail_program_is_never_written_over(inside, core, ola):
    """ManageSieve puts one of the same name, or changes the one on the page, while somebody writes here."""
    filters.put_script(core, ola.id, "min", "keep;\r\n")
    taken = post(inside, "/filters/scripts/", name="min", source="discard;", action="activate")
    assert taken.status_code == 409
    assert "discard;" in taken.text
    seen = inside.get("/filters/scripts/min").text
    filters.put_script(core, ola.id, "min", "stop;\r\n")
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', seen))
    stale = inside.client.post("/filters/scripts/min", data={**fields, "source": "discard;", "action": "save"})
    assert stale.status_code == 409
    assert filters.get_script(core, ola.id, "min").source == "stop;\r\n"
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', stale.text))
    again = inside.client.post("/filters/scripts/min", data={**fields, "source": "discard;", "action": "save"})
    assert again.status_code == 303
    assert filters.get_script(core, ola.id, "min").source == "discard;"


def test_too_many_scripts_are_told_as_such(inside, core, ola):
    for number in range(filters.MAX_SCRIPTS):
        core.db.write(lambda tx, number=number: save_script(tx, ola.id, Script(f"s{number}", "keep;", False)))
    answer = post(inside, "/filters/scripts/", name="min", source="keep;", action="save")
    assert "Du kan ha høyst 50 skript. Slett et først." in answer.text
