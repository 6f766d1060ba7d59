"""Writing in the portal without JavaScript: nothing that was written is lost, and what is sent is what was written."""

import email
import email.policy
import io
import os
import re

import pytest

from mailcore.errors import AccountAsleep, MailboxNotFound, SendingHeld
from mailcore.services.accounts import closing
from mailcore.services.credentials import waking
from mailcore.services.delivery import sending_limits
from mailcore.services.webmail import address_book, compose, drafts
from mailcore.services.webmail.address_book import WriterName
from mailcore.services.webmail.compose import Draft
from mailcore.store.people import presence
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import list_items, read_octets
from tests.portal.mailing import (
    MESSAGE,
    count,
    flags,
    form,
    full,
    later,
    letter,
    put,
    queued,
    send_at_once,
    sent_octets,
)
from tests.readers import READERS, faults


def parsed(core) -> email.message.EmailMessage:
    return email.message_from_bytes(sent_octets(core), policy=email.policy.default)


def subject_of(core, item) -> bytes:
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, item))
    return str(email.message_from_bytes(octets, policy=email.policy.default)["Subject"]).encode()


def write(inside, core, start="/mail/compose", **fields):
    """Load the form, fill it in, press a button."""
    data = form(inside.get(start).text) | {"action": "send"} | fields
    answer = inside.client.post("/mail/compose", data=data, content_type="multipart/form-data")
    answer.request.environ["wsgi.input"].close()  # the client's own file of what it sent
    return answer


def test_a_reply_is_sent_kept_and_remembered(inside, core, ola):
    send_at_once(core, ola)
    uid = put(core, ola)
    page = inside.get(f"/mail/compose?reply=INBOX/{uid}&all=1").text
    assert 'value="Re: Møte i Ås"' in page
    assert "&gt; Vi ses i grønn sal." in page
    answer = write(inside, core, f"/mail/compose?reply=INBOX/{uid}&all=1", body="Ja, æøå!")
    assert answer.status_code == 303
    assert sorted(item.recipient for item in queued(core)) == ["kare@outside.example", "kari@outside.example"]
    sent = core.db.read(lambda tx: read_octets(tx, core.blobs, queued(core)[0]))
    assert b"In-Reply-To: <1@outside.example>" in sent
    assert count(core, ola, "Sent") == 1
    assert "\\Answered" in flags(core, ola, uid)


def test_a_reply_keeps_identifiers_whole_whatever_their_length(inside, core, ola):
    """`cases/reply-to-long-message-id`: also through a draft, and at the end of a conversation of a hundred."""
    send_at_once(core, ola)
    long = "<AM0PR05MB6834D2C88EE7DD0B43CC6B35E8A0A@AM0PR05MB6834.eurprd05.prod.outlook.com>"
    before = [f"<{number}.{'x' * 60}@outside.example>" for number in range(100)]
    folded = "\r\n ".join(before)
    uid = put(
        core,
        ola,
        (
            f"From: Kari <kari@outside.example>\r\nTo: ola@alumni.example\r\nSubject: t\r\nMessage-ID: {long}\r\n"
            f"References: {folded}\r\n\r\nhei\r\n"
        ).encode(),
    )
    write(inside, core, f"/mail/compose?reply=INBOX/{uid}", action="save", body="ja")
    opened = compose.open_draft(core, ola, 1)
    assert (opened.in_reply_to, opened.references.split()[0], opened.references.split()[-1]) == (long, before[0], long)
    write(inside, core, "/mail/compose?writing=1", to="kari@outside.example")
    assert faults(sent_octets(core)) == []
    for read in READERS:
        seen = read(sent_octets(core))
        assert seen.in_reply_to == long
        assert (seen.references[0], *seen.references[-2:]) == (before[0], before[-1], long)
        assert set(seen.references) <= {*before, long}


def test_a_reply_to_all_keeps_the_names_whatever_stands_in_them(inside, core, ola):
    send_at_once(core, ola)
    uid = put(
        core,
        ola,
        octets=(
            b"From: =?utf-8?q?Nordmann=2C_K=C3=A5re?= <kare@outside.example>\r\n"
            b'To: Ola <ola@alumni.example>, "Hansen, Kari" <kari@outside.example>, KARI@outside.example\r\n'
            b"Cc: nobody: ; x@outside.example\r\nDate: Wed, 01 Jul 2026 23:30:00 +0000\r\nSubject: x\r\n\r\nhei\r\n"
        ),
    )
    start = f"/mail/compose?reply=INBOX/{uid}&all=1"
    fields = form(inside.get(start).text)
    assert fields["to"] == '"Nordmann, Kåre" <kare@outside.example>'
    assert fields["cc"] == '"Hansen, Kari" <kari@outside.example>, x@outside.example'
    assert "(02.07.2026 01:30):\n> hei" in fields["body"].replace("\r", "")
    write(inside, core, start, action="save")
    again = form(inside.client.get("/mail/compose?draft=1", follow_redirects=True).text)
    assert (again["to"], again["cc"]) == (fields["to"], fields["cc"])
    write(inside, core, start)
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, queued(core)[0]))
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert [a.display_name for a in message["to"].addresses] == ["Nordmann, Kåre"]
    assert [a.display_name for a in message["cc"].addresses] == ["Hansen, Kari", ""]


def test_names_in_fields_are_written_so_that_everybody_reads_one_person(inside, core, ola):
    send_at_once(core, ola)
    long = "Ærlig talt et navn som er så langt at det ikke får plass på en linje, og med komma"
    write(inside, core, to=f'"{long}" <a@blåbær.example>', cc='"Hansen, B" <b@outside.example>')
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, queued(core)[0]))
    [to] = re.findall(rb"(?m)^To: .*(?:\r\n .*)*", octets)
    assert max(map(len, to.split(b"\r\n"))) <= 120
    message = email.message_from_bytes(octets, policy=email.policy.default)
    found = [(" ".join(a.display_name.split()), a.addr_spec) for a in message["to"].addresses]
    assert found == [(long, "a@xn--blbr-roah.example")]
    answer = write(inside, core, to="kåre@outside.example")
    assert answer.status_code == 403
    assert "kåre@outside.example" in answer.text  # nothing that was written is lost


def test_s30_oe_and_aa_survive_in_subject_names_text_and_files(inside, core, ola):
    send_at_once(core, ola)
    data = {
        "to": "Åse Ødegård <ase@outside.example>",
        "subject": "Blåbær på Ås",
        "body": "æøå ÆØÅ €\n.punktum\nFrom her",
    }
    write(inside, core, **data, files=(io.BytesIO("søt".encode()), "rømmegrøt æøå.txt", "text/plain"))
    message = parsed(core)
    assert message["subject"] == "Blåbær på Ås"
    assert message["to"].addresses[0].display_name == "Åse Ødegård"
    body, file = list(message.iter_parts())
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == data["body"]
    assert file.get_filename() == "rømmegrøt æøå.txt"
    assert file.get_payload(decode=True) == "søt".encode()


@pytest.mark.slow
def test_s30_a_file_of_25_mb_goes_along(inside, core, ola):
    send_at_once(core, ola)
    content = os.urandom(25 * 2**20)
    answer = write(
        inside, core, to="x@outside.example", subject="Stor", body="Se fil", files=(io.BytesIO(content), "stor.bin")
    )
    assert answer.status_code == 303
    octets = sent_octets(core)
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    [_, file] = email.message_from_bytes(octets, policy=email.policy.default).iter_parts()
    assert file.get_payload(decode=True) == content


def test_a_draft_is_saved_with_its_files_and_sent_later(inside, core, ola):
    send_at_once(core, ola)
    answer = write(
        inside,
        core,
        action="save",
        to="x@outside.example",
        subject="Utkast",
        body="tekst",
        files=(io.BytesIO(b"innhold"), "æ.txt"),
    )
    assert answer.status_code == 303
    assert count(core, ola, "Drafts") == 1
    assert "æ.txt" in inside.get(answer.location).text
    write(inside, core, answer.location)
    assert (count(core, ola, "Drafts"), count(core, ola, "Sent"), len(queued(core))) == (0, 1, 1)
    assert [part.get_filename() for part in parsed(core).iter_attachments()] == ["æ.txt"]


def test_a_draft_that_another_program_saved_is_gone_on_with(inside, core, ola):
    send_at_once(core, ola)
    uid = put(core, ola, MESSAGE, "Drafts", flags=frozenset({"\\Draft"}))
    page = inside.get(f"/mail/compose?draft={uid}").text
    assert "plan.pdf" in page
    write(inside, core, f"/mail/compose?draft={uid}", to="x@outside.example")
    assert count(core, ola, "Drafts") == 0
    assert [part.get_filename() for part in parsed(core).iter_attachments()] == ["plan.pdf"]


def test_a_file_that_is_not_ticked_stays_behind(inside, core, ola):
    send_at_once(core, ola)
    uid = put(core, ola)
    write(inside, core, f"/mail/compose?forward=INBOX/{uid}", to="x@outside.example", keep=[])
    assert "grønn sal" in parsed(core).get_content()


def test_a_message_is_passed_on_in_the_text_or_as_a_file(inside, core, ola):
    send_at_once(core, ola)
    uid = put(core, ola)
    write(inside, core, f"/mail/compose?forward=INBOX/{uid}", to="x@outside.example")
    assert [part.get_filename() for part in parsed(core).iter_attachments()] == ["plan.pdf"]
    core.db.write(lambda tx: tx.run("DELETE FROM queue"))
    write(inside, core, f"/mail/compose?forward=INBOX/{uid}&whole=1", to="x@outside.example", body="Se under")
    [attached] = parsed(core).iter_attachments()
    assert attached.get_content_type() == "message/rfc822"
    assert attached.get_payload(0)["message-id"] == "<1@outside.example>"


@pytest.mark.parametrize(
    ("subject", "answered"),
    [
        ("Hei", "Re: Hei"),
        ("re: Hei", "Re: Hei"),
        ("SV: Hei", "Re: Hei"),
        ("Re: SV: AW: RE[2] : Hei", "Re: Hei"),
        ("Fwd: SV: Hei", "Re: Fwd: SV: Hei"),
        ("Resultat: Hei", "Re: Resultat: Hei"),
        ("", "Re:"),
    ],
)
def test_an_answer_says_so_once_in_its_subject(core, ola, subject, answered):
    """RFC 5322 section 3.6.5; Outlook writes SV: and AW: by the language of its user."""
    uid = put(core, ola, letter(subject=subject))
    assert compose.reply(core, ola, "INBOX", uid, everybody=False).subject == answered


@pytest.mark.parametrize(
    ("subject", "passed_on"),
    [("Hei", "Fwd: Hei"), ("FW: Fwd: fw : Hei", "Fwd: Hei"), ("Re: Hei", "Fwd: Re: Hei"), ("", "Fwd:")],
)
def test_what_is_passed_on_says_so_once_in_its_subject(core, ola, subject, passed_on):
    uid = put(core, ola, letter(subject=subject))
    assert compose.forward(core, ola, "INBOX", uid).subject == passed_on


def test_an_answer_goes_to_each_address_once(core, ola):
    people = b"From: a@x.example\r\nReply-To: ann@x.example, Ann <ANN@x.example>\r\nTo: Bob <bob@x.example>, BOB@x.example\r\n"
    uid = put(core, ola, people + b"\r\nhi\r\n")
    draft = compose.reply(core, ola, "INBOX", uid, everybody=True)
    assert (draft.to, draft.cc) == ("Ann <ANN@x.example>", "Bob <bob@x.example>")


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"to": ""}, 403, "Skriv hvem det skal til."),
        ({"to": "not an address"}, 403, "not an address er ikke en adresse."),
        ({"to": "nobody@alumni.example"}, 404, "Ingen her har den adressen."),
        ({"to": "a@b.example, c"}, 403, "c er ikke en adresse."),
    ],
)
def test_what_cannot_be_sent_is_kept_in_the_form(inside, core, fields, code, words):
    answer = write(inside, core, body="viktig tekst", **fields)
    assert answer.status_code == code
    assert words in answer.text
    assert "viktig tekst" in answer.text
    assert queued(core) == []
    id_ = re.search(r'name="writing" type="hidden" value="(\d+)"', answer.text)[1]
    assert "viktig tekst" in inside.get(f"/mail/compose?writing={id_}").text


def test_header_fields_cannot_be_slipped_in(inside, core, ola):
    send_at_once(core, ola)
    write(inside, core, to="x@outside.example", subject="a\r\nBcc: evil@outside.example", body="b")
    assert b"\r\nBcc:" not in sent_octets(core)


def test_blind_copies_are_sent_unseen_and_stand_in_the_own_copy(inside, core, ola):
    send_at_once(core, ola)
    write(inside, core, to="x@outside.example", bcc="secret@outside.example", subject="s", body="b")
    assert {item.recipient for item in queued(core)} == {"x@outside.example", "secret@outside.example"}
    assert all(
        b"secret@" not in core.db.read(lambda tx, i=item: read_octets(tx, core.blobs, i)) for item in queued(core)
    )
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Sent"))
    assert b"Bcc: secret@outside.example" in core.db.read(lambda tx: core.mail.octets(tx, box.id, 1))


def test_after_send_there_is_time_to_think_better_of_it(inside, core, ola):
    assert write(inside, core, to="x@outside.example", subject="Hissig", body="Nei!").status_code == 303
    assert queued(core) == []
    drafts.send_due(core)
    assert queued(core) == []
    page = inside.get("/mail/").text
    assert "«Hissig» blir sendt" in page
    id_ = re.search(r'name="writing" value="(\d+)"', page)[1]
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    back = inside.client.post("/mail/back", data={"csrf_token": token, "writing": id_})
    assert "Nei!" in inside.get(back.location).text
    drafts.send_due(later(core, hours=1))
    assert queued(core) == []


def test_it_goes_once_when_its_time_has_come(inside, core, ola):
    write(inside, core, to="x@outside.example", subject="Hei", body="Hei")
    for _ in range(3):
        drafts.send_due(later(core, seconds=15))
    assert len(queued(core)) == 1
    assert count(core, ola, "Sent") == 1
    assert drafts.list_writings(core, ola.id) == []
    assert "Hei» blir sendt" not in inside.get("/mail/").text


def test_a_message_waits_for_the_day_that_was_chosen(inside, core, ola):
    write(inside, core, action="later", send_at="2099-01-01T08:00", to="x@outside.example", subject="f", body="t")
    assert drafts.list_writings(core, ola.id)[0].state == "open"  # too far away
    soon = (later(core, days=3).clock.now()).strftime("%Y-%m-%dT08:00")
    write(inside, core, action="later", send_at=soon, to="x@outside.example", subject="Senere", body="t")
    drafts.send_due(later(core, days=1))
    assert queued(core) == []
    drafts.send_due(later(core, days=4))
    assert len(queued(core)) == 1


@pytest.mark.parametrize("when", ["", "x", "2001-01-01T00:00"])
def test_a_time_that_is_none_sends_nothing(inside, core, ola, when):
    assert (
        write(inside, core, action="later", send_at=when, to="x@outside.example", subject="s", body="t").status_code
        == 403
    )
    assert queued(core) == []


def test_what_could_not_be_sent_in_the_end_is_told_and_kept(inside, core, ola):
    from mailcore.services.accounts import accounts

    accounts.add_account(core, "kari", password="correct horse battery")
    write(inside, core, to="kari@alumni.example", subject="Til Kari", body="viktig")
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=1, used=1 WHERE name='kari'"))
    drafts.send_due(later(core, seconds=15))
    page = inside.get("/mail/").text
    assert "«Til Kari» kunne ikke sendes" in page
    [one] = drafts.list_writings(core, ola.id)
    assert one.form.body.strip() == "viktig"
    drafts.take_back(core, ola.id, one.id)


@pytest.mark.parametrize("bar", ["asleep", "held", "closed"])
def test_n30_what_waits_for_its_time_is_not_sent_by_an_account_that_sleeps_and_its_owner_is_told(
    inside, core, ola, bar
):
    soon = (later(core, days=3).clock.now()).strftime("%Y-%m-%dT08:00")
    for subject in ("En", "To"):
        write(inside, core, action="later", send_at=soon, to="x@outside.example", subject=subject, body="t")
    if bar == "asleep":
        core.db.write(lambda tx: (presence.add_missing(tx), presence.put_to_sleep(tx, ola.id, core.clock.seconds())))
    elif bar == "held":
        core.db.write(lambda tx: sending_limits.hold(core, tx, ola, "it looked strange"))
    else:
        closing.close_account(core, "ola")
    for day in (4, 5):
        drafts.send_due(later(core, days=day))
    sent = [item.recipient for item in core.db.read(list_items)]
    assert "x@outside.example" not in sent
    kept = drafts.list_writings(core, ola.id)
    assert [one.state for one in kept] == ["failed", "failed"]
    assert {type(one.problem) for one in kept} == {SendingHeld if bar == "held" else AccountAsleep}
    letters = [item for item in core.db.read(list_items) if b"En melding du har skrevet" in subject_of(core, item)]
    assert len(letters) == 1  # one a day, though two messages were not sent
    if bar == "asleep":  # it is the owner who sends it then
        waking.wake_account(core, ola.id)
        drafts.send_due(later(core, days=6))
        assert "x@outside.example" not in [item.recipient for item in core.db.read(list_items)]
        drafts.take_back(core, ola.id, kept[0].id)
        drafts.schedule_sending(core, ola, kept[0].id, core.clock.now())
        assert "x@outside.example" in [item.recipient for item in core.db.read(list_items)]


def test_n7_a_full_box_keeps_every_text(inside, core, ola):
    """Also over quota: drafts are kept, mail is sent, and only the copy is missing."""
    put(core, ola)
    full(core, ola)
    answer = write(inside, core, action="save", to="x@outside.example", subject="Full", body="viktig tekst")
    assert answer.status_code == 409
    assert "Teksten er likevel tatt vare på" in answer.text
    [one] = drafts.list_writings(core, ola.id)
    assert one.form.body == "viktig tekst"
    send_at_once(core, ola)
    assert write(inside, core, f"/mail/compose?writing={one.id}").status_code == 303
    assert len(queued(core)) == 1
    assert count(core, ola, "Sent") == 0


def test_n7_the_webmail_deletes_moves_and_empties_at_105_percent(inside, core, ola):
    uids = [put(core, ola, letter(n)) for n in range(4)]
    full(core, ola)
    inside.send("/mail/INBOX/", action="flag", uid=str(uids[0]))
    assert "\\Flagged" in flags(core, ola, uids[0])
    inside.send("/mail/INBOX/", action="delete", uid=str(uids[0]))
    inside.send("/mail/INBOX/", action="move", target="Archive", uid=str(uids[1]))
    inside.send("/mail/INBOX/", action="junk", uid=str(uids[2]))
    inside.send("/mail/boxes", action="create", new="Ny")
    inside.send("/mail/INBOX/", action="move", target="Ny", uid=str(uids[3]))
    assert [count(core, ola, box) for box in ("Trash", "Archive", "Junk", "Ny")] == [1, 1, 1, 1]
    inside.send("/mail/boxes", action="delete", name="Ny", sure="1")
    before = core.db.read(lambda tx: get_account(tx, ola.id)).used
    inside.send("/mail/Trash/", to="/mail/empty/Trash")
    after = core.db.read(lambda tx: get_account(tx, ola.id)).used
    assert count(core, ola, "Trash") == 0
    assert after < before


def keep(inside, page: str, **fields):
    """Save the draft as the page's script does every half minute."""
    data = {name: value for name, value in form(page).items() if name != "keep"} | fields
    return inside.client.post("/mail/compose/keep", data=data)


def test_the_text_is_kept_every_half_minute(inside, core, ola):
    page = inside.get("/mail/compose").text
    assert 'data-every="30"' in page
    first = keep(inside, page, body="en")
    id_ = re.search(r'value="(\d+)"', first.text)[1]
    assert "Lagret." in first.text
    keep(inside, page, body="en to", writing=id_)
    [one] = drafts.list_writings(core, ola.id)
    assert (one.id, one.form.body) == (int(id_), "en to")
    assert f'href="/mail/compose?writing={id_}"' in inside.get("/mail/compose").text


def test_what_was_sent_from_another_window_is_not_kept_again(inside, core, ola):
    send_at_once(core, ola)
    page = inside.get("/mail/compose").text
    id_ = re.search(r'value="(\d+)"', keep(inside, page, body="en", to="x@outside.example").text)[1]
    write(inside, core, f"/mail/compose?writing={id_}")
    late = keep(inside, page, body="en to", writing=id_)
    assert "Lagret." not in late.text
    assert drafts.list_writings(core, ola.id) == []


def test_a_text_is_thrown_away_with_its_draft(inside, core, ola):
    location = write(inside, core, action="save", to="x@outside.example", subject="s", body="b").location
    write(inside, core, location, action="discard")
    assert count(core, ola, "Drafts") == 0
    assert drafts.list_writings(core, ola.id) == []


def test_files_have_a_limit_and_the_text_stays(inside, core, ola):
    small = type(core.config)(data=core.config.data, limits=type(core.config.limits)(message_size="1M"))
    from dataclasses import replace

    inside.client.application.extensions["core"] = replace(core, config=small)
    answer = write(inside, core, action="attach", body="tekst", files=(io.BytesIO(b"x" * 900_000), "stor.bin"))
    assert answer.status_code == 413
    assert drafts.list_writings(core, ola.id)[0].form.body == "tekst"
    assert drafts.list_writings(core, ola.id)[0].files == ()


def test_nobody_opens_another_persons_text(inside, core, ola):
    from mailcore.services.accounts import accounts

    kari = accounts.add_account(core, "kari", password="correct horse battery")
    id_ = drafts.save_writing(core, kari.id, 0, Draft(body="privat"))
    assert inside.get(f"/mail/compose?writing={id_}").status_code == 404
    with pytest.raises(MailboxNotFound):
        drafts.take_back(core, ola.id, id_)
    answer = write(inside, core, writing=str(id_), body="overskrevet", action="save")
    assert answer.status_code == 404
    assert drafts.get_writing(core, kari.id, id_).form.body == "privat"


def test_people_who_were_written_to_are_found_again(inside, core, ola):
    send_at_once(core, ola)
    write(inside, core, to="Åse Ødegård <ase@outside.example>", subject="s", body="b")
    for words in ("ås", "øde", "ase@", "x@y.example, Ås"):
        assert "ase@outside.example" in inside.get("/mail/people", query_string={"q": words}).text
    assert inside.get("/mail/people?q=%25").text.strip() == ""
    assert "Åse Ødegård" in inside.get("/mail/compose").text
    write(inside, core, add="ase@outside.example", to="b@outside.example", subject="to", body="b")
    assert {"ase@outside.example", "b@outside.example"} <= {item.recipient for item in queued(core)}


def test_a_name_to_write_under_has_its_address_and_signature(inside, core, ola):
    send_at_once(core, ola)
    wish = {"name": "Ola i ligaen", "address": "ola+liga@alumni.example", "signature": "Hilsen\nOla", "first": "y"}
    assert inside.send("/mail/settings", action="identity", id="0", **wish).status_code == 303
    page = inside.get("/mail/compose").text
    assert "-- \nHilsen\nOla" in page.replace("\r", "")
    write(inside, core, to="x@outside.example", subject="s", body="b")
    assert parsed(core)["from"].addresses[0].addr_spec == "ola+liga@alumni.example"
    assert queued(core)[0].sender == "ola+liga@alumni.example"


@pytest.mark.parametrize(
    "address", ["kari@alumni.example", "ola@elsewhere.example", "nonsense", "", "ola@alumni.example, b@x.example"]
)
def test_nobody_writes_under_an_address_that_is_not_theirs(inside, core, ola, address):
    assert inside.send("/mail/settings", action="identity", id="0", name="X", address=address).status_code in (400, 403)
    own = WriterName(0, "Ola", "ola@alumni.example", first=True)
    assert address_book.identities(core, ola.id, "Ola", "ola@alumni.example") == [own]


@pytest.mark.parametrize(
    ("head", "begins", "to"),
    [
        (
            "From: Kari <kari@x.example>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n",
            "Kari <kari@x.example> (24.11.2026 11:00):",
            "Kari <kari@x.example>",
        ),
        ("From: kari@x.example\r\n", "kari@x.example:", "kari@x.example"),
        ("From: kari@x.example\r\nDate: in the morning\r\n", "kari@x.example (in the morning):", "kari@x.example"),
        ("Subject: from nobody\r\n", "", ""),
        ("From: undisclosed:;\r\n", "undisclosed:;:", ""),
    ],
)
def test_a_reply_tells_what_the_message_tells_and_no_more(inside, core, ola, head, begins, to):
    uid = put(core, ola, f"{head}To: ola@alumni.example\r\n\r\nHei\r\n".encode())
    found = form(inside.get(f"/mail/compose?reply=INBOX/{uid}").text)
    assert (found["to"], found["body"].strip().split("\n")) == (to, [*filter(None, [begins]), "> Hei"])
