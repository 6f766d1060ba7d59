"""Ready texts: what one writes again and again is put into a message, without JavaScript."""

import pytest

from mailcore.errors import InvalidName, TooMany
from mailcore.services.webmail import ready_texts
from tests.portal.mailing import form, letter, put


def body_after(inside, address: str, **typed: str) -> str:
    sent = {"to": "k@x.example", "subject": "Hei"} | form(inside.get(address).text) | typed | {"action": "text"}
    answer = inside.client.post("/mail/compose", data=sent)
    assert answer.status_code == 303
    return form(inside.get(answer.location).text)["body"].replace("\r\n", "\n")


def test_a_text_is_created_changed_and_deleted(inside, core, ola):
    inside.send("/mail/texts", name="Takk", text="Takk for brevet.\r\nHilsen Ola")
    assert "Teksten er lagret" in inside.get("/mail/texts").text
    inside.send("/mail/texts", name="Tusen takk", before="Takk", text="Takk!")
    assert [(one.name, one.text) for one in ready_texts.list_texts(core, ola.id)] == [("Tusen takk", "Takk!")]
    assert "Takk!</textarea>" in inside.get("/mail/texts?name=Tusen takk").text
    inside.send("/mail/texts", action="delete", before="Tusen takk")
    assert not ready_texts.list_texts(core, ola.id)


def test_a_text_without_a_name_is_refused_and_kept(inside, core, ola):
    answer = inside.send("/mail/texts", name="", text="Takk for alt")
    assert answer.status_code == 400
    assert "Takk for alt" in answer.text
    with pytest.raises(InvalidName):
        ready_texts.save_text(core, ola.id, " ", "x")
    with pytest.raises(InvalidName):
        ready_texts.save_text(core, ola.id, "x", " \n")


def test_there_are_not_endlessly_many(core, ola):
    for number in range(ready_texts.MAX_TEXTS):
        ready_texts.save_text(core, ola.id, f"n{number}", "x")
    ready_texts.save_text(core, ola.id, "n1", "y")
    ready_texts.save_text(core, ola.id, "ny", "y", before="n1")
    with pytest.raises(TooMany):
        ready_texts.save_text(core, ola.id, "til", "x")


def test_a_text_is_put_into_a_message_and_what_was_typed_stays(inside, core, ola):
    ready_texts.save_text(core, ola.id, "Takk", "Takk for meldingen.")
    assert (
        body_after(inside, "/mail/compose", ready_text="Takk", body="Hei Kari!") == "Hei Kari!\n\nTakk for meldingen.\n"
    )
    assert body_after(inside, "/mail/compose", ready_text="Finnes ikke", body="Hei") == "Hei"


def test_in_an_answer_it_stands_above_what_is_quoted(inside, core, ola):
    ready_texts.save_text(core, ola.id, "Takk", "Takk for meldingen.")
    uid = put(core, ola, letter(text="Kan du komme?"))
    body = body_after(inside, f"/mail/compose?reply=INBOX/{uid}", ready_text="Takk")
    assert body.index("Takk for meldingen.") < body.index("k@x.example:") < body.index("> Kan du komme?")


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        ("", "T\n"),
        ("\n\n-- \nOla", "T\n\n-- \nOla"),
        ("Hei\n\n-- \nOla\n\nKari:\n> x", "Hei\n\nT\n\n-- \nOla\n\nKari:\n> x"),
        ("Hei\n\nKari:\n> x\n", "Hei\n\nT\n\nKari:\n> x"),
        ("> x", "T\n\n> x"),
        ("\n\n----- \nFrom: x", "T\n\n----- \nFrom: x"),
    ],
)
def test_it_stands_behind_what_was_written_and_before_the_rest(body, whole):
    assert ready_texts.insert_text(body, "T") == whole
