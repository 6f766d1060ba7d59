"""The pages of moving day (N31)."""

import re

import pytest

from mailcore.services.transfer import moving_day, moving_letters
from mailcore.store.people import moving_day as store
from tests.mailboxes import put
from tests.services import moving_mail


@pytest.fixture
def mail(core, ola):
    put(core, ola, "INBOX", moving_mail.write("Boden <noreply@boden.example>", "Your receipt"))
    put(core, ola, "INBOX", moving_mail.write("GitHub <noreply@github.com>", "Please verify your email"))
    put(core, ola, "Sent", moving_mail.write("Ola <ola@alumni.example>", "Hei", to="Kari <kari@x.example>"))


def look(inside):
    assert inside.send("/moving", to="/moving/scan").status_code == 303
    return inside.get("/moving?lang=en").text


def test_n31_services_are_found_and_ticked(inside, mail, core, ola):
    shown = look(inside)
    assert "Boden" in shown
    assert 'href="https://github.com/settings/emails" rel="noreferrer noopener"' in shown
    inside.send("/moving", to="/moving/services", shown=["github.com", "boden.example"], done=["boden.example"])
    shown = inside.get("/moving?lang=en").text
    assert "1 of 2 done" in shown
    assert re.search(r'value="boden.example" checked', shown)
    inside.send("/moving", to="/moving/services", shown=["github.com", "boden.example"], done=[])
    assert "0 of 2 done" in inside.get("/moving?lang=en").text


def test_n31_nobody_ticks_another_person_s(inside, mail, core, ola):
    look(inside)
    from mailcore.services.accounts import accounts

    kari = accounts.add_account(core, "kari")
    moving_day.tick_services(core, kari.id, ["github.com"], ["github.com"])
    assert moving_day.read_moving(core, ola.id).services_done == 0


def test_n31_people_get_a_message_in_the_owner_s_words(inside, mail, core, ola):
    look(inside)
    shown = inside.get("/moving/people?lang=en").text
    assert "kari@x.example" in shown
    answer = inside.send("/moving/people", subject="Ny adresse", text="Hei, jeg flytter.", person="kari@x.example")
    assert answer.status_code == 303
    assert moving_letters.send_portions(core) == 1
    assert "sent" in inside.get("/moving/people?lang=en").text
    assert core.db.read(lambda tx: store.count_people(tx, ola.id)) == {"sent": 1}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"subject": "x", "text": "y"}, "Choose some people first."),
        ({"subject": "", "text": "y", "person": "kari@x.example"}, "This must be filled in."),
    ],
)
def test_n31_one_sentence_says_what_is_missing(inside, mail, fields, words):
    look(inside)
    answer = inside.send("/moving/people?lang=en", to="/moving/people", **fields)
    assert answer.status_code == 400
    assert words in answer.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"new_address": "ola@alumni.example"}, "It must be an address outside Alumnimail."),
        ({"new_address": "x"}, "This is not an e-mail address."),
        ({"until": "2001-01-01"}, "That day is over."),
        ({"until": "x"}, "Not a valid date value."),
    ],
)
def test_n31_a_plan_that_cannot_be_is_told(inside, fields, words):
    answer = inside.send("/moving?lang=en", to="/moving/plan", **fields)
    assert answer.status_code == 400
    assert words in answer.text


def test_n31_it_is_offered_where_one_leaves(inside):
    assert "/moving" in inside.get("/account/close").text
    assert "/moving" in inside.get("/takeout").text
    inside.send("/moving", to="/moving/plan", new_address="ola@ny.example")
    assert 'value="ola@ny.example"' in inside.get("/account/close").text


@pytest.mark.parametrize("page", ["0", "-1", "7", "99999999999999999999", "x"])
def test_n31_any_page_number_is_a_page(inside, mail, page):
    look(inside)
    assert inside.get(f"/moving?page={page}").status_code == 200
    assert inside.get(f"/moving/people?page={page}").status_code == 200
