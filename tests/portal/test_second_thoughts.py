"""The webmail asks once about likely oversights of a writer, and quotes a message without its signature (S30)."""

import io

import pytest

from mailcore.services.webmail import compose
from mailcore.services.webmail.compose import Draft
from mailcore.services.webmail.second_thoughts import FORGOTTEN_FILE, NO_REPLY, find_second_thoughts
from tests.portal.mailing import form, letter, put, queued, send_at_once
from tests.portal.test_webmail_writing import write


@pytest.mark.parametrize(
    "text",
    [
        "Se vedlegget.", "Rapporten er vedlagt", "Eg legg ved rapporten", "Jeg legger ved alt", "Fila ligger ved.",
        "Sjå vedlegga",
        "Please find attached the plan", "The attachment tells more", "Enclosed is the plan", "Hei\n\n> Før\nVedlegg her\n",
        "Hei\n-- \nOla\n> Kan du sende den?\nSe vedlegg.",
    ],
)  # fmt: skip
def test_a_text_that_speaks_of_a_file_has_one(text):
    assert find_second_thoughts(Draft(body=text), has_files=False) == (FORGOTTEN_FILE,)
    assert find_second_thoughts(Draft(body=text), has_files=True) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Hei", "Vi ses ved sjøen", "> Se vedlegg", "Takk!\n\n> attached", "Hei\n-- \nVedlegg AS",
        "Fint\n\n-----\nFrom: x\n\nvedlegg",
        "Jeg har vedlikehold i dag", "a detached house",
    ],
)  # fmt: skip
def test_other_texts_need_none(text):
    assert find_second_thoughts(Draft(body=text), has_files=False) == ()


@pytest.mark.parametrize(("address", "thoughts"), [
    ("no-reply@x.example", (NO_REPLY,)), ("noreply@x.example", (NO_REPLY,)), ("do_not_reply+7@x.example", (NO_REPLY,)),
    ("Banken <ikke-svar@x.example>", (NO_REPLY,)), ("ikkje-svar@x.example", (NO_REPLY,)), ("nord.noreply@x.example", (NO_REPLY,)),
    ("norwegian@x.example", ()), ("reply@x.example", ()), ("kari@noreply.example", ()), ("no address", ()),
])  # fmt: skip
def test_an_address_that_nobody_reads(address, thoughts):
    assert find_second_thoughts(Draft(to=address), has_files=False) == thoughts


def test_it_is_asked_once_and_nothing_is_lost(inside, core, ola):
    send_at_once(core, ola)
    page = write(inside, core, to="no-reply@x.example", body="Se vedlegget.", subject="Hei").text
    assert "Teksten nevner et vedlegg" in page
    assert "ingen leser" in page
    assert queued(core) == []
    again = form(page)
    assert (again["to"], again["body"].strip(), again["sure"]) == ("no-reply@x.example", "Se vedlegget.", "1")
    answer = inside.client.post("/mail/compose", data=again | {"action": "send"})
    assert answer.status_code == 303
    inside.get("/mail/")
    assert [item.recipient for item in queued(core)] == ["no-reply@x.example"]


def test_a_file_that_is_there_is_not_asked_for(inside, core, ola):
    send_at_once(core, ola)
    answer = write(inside, core, to="k@x.example", body="Se vedlegget.", files=(io.BytesIO(b"x"), "a.txt"))
    assert answer.status_code == 303


@pytest.mark.parametrize(("text", "quoted"), [
    ("Hei.\n\n-- \nKari Vik\nTlf. 1", "> Hei."),
    ("Hei.\n--\nKari", "> Hei."),
    ("Hei.\n-- \n" + "linje\n" * 29 + "linje", "> Hei.\n> --\n" + "> linje\n" * 30),
    ("-- \nKari", "> --\n> Kari"),
    ("Hei.\n-- \nKari\n> Før", "> Hei.\n> --\n> Kari\n>> Før"),
])  # fmt: skip
def test_a_reply_quotes_no_signature(core, ola, text, quoted):
    uid = put(core, ola, letter(text=text.replace("\n", "\r\n")))
    draft = compose.reply(core, ola, "INBOX", uid, everybody=False)
    assert draft.body.partition(":\n")[2].strip() == quoted.strip()
