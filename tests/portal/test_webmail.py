"""Reading, acting, writing and searching in the portal, without JavaScript (S30)."""

import io
import re
from html import unescape

import pytest

from mailcore.services import mail_search

MESSAGE = (
    "From: Kåre <kare@outside.example>\r\nTo: ola@alumni.example, kari@outside.example\r\nSubject: Møte i Ås\r\n"
    "Message-ID: <1@outside.example>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "Vi ses i grønn sal.\r\n"
    '--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p onclick="alert(1)">Vi <b>ses</b><img src="https://evil.example/x"></p>\r\n'
    '--x\r\nContent-Type: application/pdf; name="plan.pdf"\r\nContent-Disposition: attachment; filename="plan.pdf"\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--x--\r\n"
).encode()


@pytest.fixture
def put(core, ola):
    def put(octets: bytes = MESSAGE, mailbox: str = "INBOX") -> int:
        box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, mailbox))
        prepared = core.blobs.prepare(octets)
        return core.db.write(lambda tx: core.mail.append(tx, ola.id, box.id, prepared, frozenset(), core.clock.now()))

    return put


def count(core, ola, mailbox: str) -> int:
    return core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, mailbox)).messages


def flags(core, ola, uid: int) -> frozenset[str]:
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    return core.db.read(lambda tx: core.mail.infos(tx, box.id, [(uid, uid)]))[0].flags


@pytest.mark.parametrize(("action", "mailbox"), [("delete", "Trash"), ("junk", "Junk"), ("archive", "Archive")])
def test_chosen_messages_are_moved_and_moved_back(inside, core, ola, put, action, mailbox):
    uids = [put(), put()]
    before = count(core, ola, "INBOX")
    inside.send("/mail/INBOX/", action=action, uid=uids)
    assert (count(core, ola, "INBOX"), count(core, ola, mailbox)) == (before - 2, 2)
    page = inside.get("/mail/INBOX/").text
    undo = page[page.index('class="undo"') :]
    fields = dict(re.findall(r'name="(source|target|csrf_token)" value="([^"]+)"', undo.partition("</form>")[0]))
    moved = re.findall(r'name="uid" value="(\d+)"', undo.partition("</form>")[0])
    inside.client.post("/mail/undo", data={**fields, "uid": moved})
    assert (count(core, ola, "INBOX"), count(core, ola, mailbox)) == (before, 0)


def test_marks_change(inside, core, ola, put):
    uid = put()
    steps = [("read", {"\\Seen"}), ("flag", {"\\Seen", "\\Flagged"}), ("unread", {"\\Flagged"}), ("unflag", set())]
    for action, expected in steps:
        inside.send("/mail/INBOX/", action=action, uid=str(uid))
        assert flags(core, ola, uid) == expected


def test_deleting_in_trash_is_for_good_and_trash_can_be_emptied(inside, core, ola, put):
    uid = put(mailbox="Trash")
    put(mailbox="Trash")
    inside.send("/mail/Trash/", action="delete", uid=str(uid))
    assert count(core, ola, "Trash") == 1
    inside.send("/mail/Trash/", to="/mail/empty/Trash")
    assert count(core, ola, "Trash") == 0
    put()
    assert inside.send("/mail/INBOX/", to="/mail/empty/INBOX").status_code == 403


def test_s21_a_full_box_can_be_cleaned(inside, core, ola, put):
    uid = put()
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=1 WHERE id=?", ola.id))
    inside.send("/mail/INBOX/", action="delete", uid=str(uid))
    assert count(core, ola, "Trash") == 1
    inside.send("/mail/Trash/", to="/mail/empty/Trash")
    assert count(core, ola, "Trash") == 0


@pytest.mark.parametrize("fields", [{"action": "burn", "uid": "1"}, {"action": "move", "uid": "1", "target": "Nowhere"}])
def test_what_cannot_be_done_is_told(inside, put, fields):
    put()
    assert inside.send("/mail/INBOX/", **fields).status_code in (403, 404)


def test_html_stands_in_a_frame_that_can_do_nothing(inside, put):
    uid = put()
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert 'class="message" sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "1 bilde fra nettet vises ikke" in page
    assert "plan.pdf" in page
    frame = inside.get(f"/mail/INBOX/{uid}/html")
    assert "<b>ses</b>" in frame.text
    assert "onclick" not in frame.text
    assert "evil.example" not in frame.text
    assert "default-src 'none'" in frame.headers["Content-Security-Policy"]
    assert "sandbox" in frame.headers["Content-Security-Policy"]


def test_files_are_saved_not_shown(inside, put):
    uid = put()
    path = re.search(rf'href="(/mail/INBOX/{uid}/file/\d+)"', inside.get(f"/mail/INBOX/{uid}").text)
    answer = inside.get(path[1])
    assert answer.data == b"%PDF"
    assert answer.headers["Content-Disposition"] == "attachment; filename=plan.pdf"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_message_that_failed_our_checks_is_doubtful(inside, put):
    forged = b"Authentication-Results: elsewhere.example; dmarc=fail\r\n"
    assert "ikke bekrefte" not in inside.get(f"/mail/INBOX/{put(forged + MESSAGE)}").text
    ours = b"Authentication-Results: mx.alumni.example;\r\n\tdmarc=fail header.from=outside.example\r\n"
    assert "ikke bekrefte" in inside.get(f"/mail/INBOX/{put(ours + MESSAGE)}").text


def queued(core) -> list:
    return [item for item in core.db.read(lambda tx: core.queue.listing(tx)) if item.origin == "submission"]


def test_a_reply_is_sent_kept_and_remembered(inside, core, ola, put):
    uid = put()
    page = inside.get(f"/mail/compose?reply=INBOX/{uid}&all=1").text
    assert 'value="Re: Møte i Ås"' in page
    assert "&gt; Vi ses i grønn sal." in page
    answer = inside.client.post("/mail/compose", data=form(page) | {"action": "send", "body": "Ja, æøå!"})
    assert answer.status_code == 303
    assert sorted(item.recipient for item in queued(core)) == ["kare@outside.example", "kari@outside.example"]
    sent = core.db.read(lambda tx: core.queue.octets(tx, queued(core)[0]))
    assert b"In-Reply-To: <1@outside.example>" in sent
    assert count(core, ola, "Sent") == 1
    assert "\\Answered" in flags(core, ola, uid)


def form(page: str) -> dict[str, str]:
    """The fields of the compose form as a browser would send them back."""
    inside = page[page.index('class="compose"') :]
    inputs = re.findall(r'<input[^>]*name="(\w+)" type="(?:text|hidden)" value="([^"]*)"', inside)
    found = {name: unescape(value) for name, value in inputs}
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', inside)
    return found | {"csrf_token": token[1]}


def test_a_draft_is_saved_with_its_files_and_sent_later(inside, core, ola):
    page = inside.get("/mail/compose?to=x@outside.example").text
    data = form(page) | {"action": "save", "subject": "Utkast", "body": "tekst", "files": (io.BytesIO(b"innhold"), "æ.txt")}
    answer = inside.client.post("/mail/compose", data=data, content_type="multipart/form-data")
    assert answer.status_code == 303
    assert count(core, ola, "Drafts") == 1
    page = inside.get(answer.location).text
    assert "æ.txt" in page
    inside.client.post("/mail/compose", data=form(page) | {"action": "send", "body": "tekst", "keep": "0"})
    assert (count(core, ola, "Drafts"), count(core, ola, "Sent"), len(queued(core))) == (0, 1, 1)


@pytest.mark.parametrize(
    ("fields", "code"), [({"to": ""}, 403), ({"to": "not an address"}, 403), ({"to": "nobody@alumni.example"}, 404)]
)
def test_what_cannot_be_sent_is_kept_in_the_form(inside, core, fields, code):
    page = inside.get("/mail/compose").text
    answer = inside.client.post("/mail/compose", data=form(page) | {"action": "send", "body": "viktig tekst"} | fields)
    assert answer.status_code == code
    assert "viktig tekst" in answer.text
    assert queued(core) == []


def test_header_fields_cannot_be_slipped_in(inside, core):
    page = inside.get("/mail/compose").text
    data = form(page) | {"action": "send", "to": "x@outside.example", "subject": "a\r\nBcc: evil@outside.example", "body": "b"}
    inside.client.post("/mail/compose", data=data)
    [item] = queued(core)
    assert b"\r\nBcc:" not in core.db.read(lambda tx: core.queue.octets(tx, item))


@pytest.mark.parametrize(("asked", "found"), [
    ("grønn", 1), ("GRØNN sal", 1), ("from:kåre", 1), ("from:ola", 0), ("subject:møte", 1), ("to:kari", 1),
    ("has:attachment", 1), ("before:2020-01-01", 0), ("after:2020-01-01 møte", 1), ("in:Trash møte", 0),
    ("in:INBOX møte", 1), ('"grønn sal"', 1), ("", 0), ("finnesikke", 0), ("before:igår", 0),
])  # fmt: skip
def test_search_finds_by_words_and_operators(inside, core, ola, put, asked, found):
    put()
    hits = mail_search.search(core, ola.id, mail_search.parse(asked))
    assert len([hit for hit in hits if hit.line.subject == "Møte i Ås"]) == found
    assert inside.get("/mail/search", query_string={"q": asked}).status_code == 200
