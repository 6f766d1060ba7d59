"""Lists of mail and what is done to messages, without JavaScript (S30)."""

import re
from datetime import timedelta

import pytest

from mailcore.services.webmail import mail_list, mail_settings
from mailcore.services.webmail.mail_list import ListRequest
from mailcore.services.webmail.mail_settings import MailSettings
from portal.webmail import rows
from tests.portal.mailing import count, day, flags, letter, put


@pytest.mark.parametrize(("action", "mailbox"), [("delete", "Trash"), ("junk", "Junk"), ("archive", "Archive")])
def test_chosen_messages_are_moved_and_moved_back(inside, core, ola, action, mailbox):
    uids = [put(core, ola), put(core, ola)]
    before = count(core, ola, "INBOX")
    inside.send("/mail/INBOX/", action=action, uid=uids)
    assert (count(core, ola, "INBOX"), count(core, ola, mailbox)) == (before - 2, 2)
    page = inside.get("/mail/INBOX/").text
    undo = page[page.index('class="undo"') :]
    fields = dict(re.findall(r'name="(source|target|csrf_token)" value="([^"]+)"', undo.partition("</form>")[0]))
    moved = re.findall(r'name="uid" value="([\d,]+)"', undo.partition("</form>")[0])
    inside.client.post("/mail/undo", data={**fields, "uid": moved})
    assert (count(core, ola, "INBOX"), count(core, ola, mailbox)) == (before, 0)


def test_marks_change(inside, core, ola):
    uid = put(core, ola)
    steps = [("read", {"\\Seen"}), ("flag", {"\\Seen", "\\Flagged"}), ("unread", {"\\Flagged"}), ("unflag", set())]
    for action, expected in steps:
        inside.send("/mail/INBOX/", action=action, uid=str(uid))
        assert flags(core, ola, uid) == expected


def test_deleting_in_trash_is_for_good_and_trash_can_be_emptied(inside, core, ola):
    uid = put(core, ola, mailbox="Trash")
    put(core, ola, mailbox="Trash")
    inside.send("/mail/Trash/", action="delete", uid=str(uid))
    assert count(core, ola, "Trash") == 1
    inside.send("/mail/Trash/", to="/mail/empty/Trash")
    assert count(core, ola, "Trash") == 0
    put(core, ola)
    assert inside.send("/mail/INBOX/", to="/mail/empty/INBOX").status_code == 403


def test_s21_a_full_box_can_be_cleaned(inside, core, ola):
    uid = put(core, ola)
    core.db.write(lambda tx: tx.run("UPDATE account SET quota=1 WHERE id=?", ola.id))
    inside.send("/mail/INBOX/", action="delete", uid=str(uid))
    assert count(core, ola, "Trash") == 1
    inside.send("/mail/Trash/", to="/mail/empty/Trash")
    assert count(core, ola, "Trash") == 0


@pytest.mark.parametrize(
    "fields", [{"action": "burn", "uid": "1"}, {"action": "move", "uid": "1", "target": "Nowhere"}]
)
def test_what_cannot_be_done_is_told(inside, core, ola, fields):
    put(core, ola)
    assert inside.send("/mail/INBOX/", **fields).status_code in (403, 404)


def pages(core, ola, box="Archive", **wish) -> list[int]:
    """The uids of all pages, forwards; backwards they must be the same."""
    found, after = [], ""
    while True:
        page = mail_list.page(core, ola.id, box, ListRequest(**wish, after=after))
        found.append([line.uid for line in page.lines])
        if not page.older:
            break
        after = page.older
    back = [found[-1]]
    while page.newer:
        page = mail_list.page(core, ola.id, box, ListRequest(**wish, before=page.newer))
        back.insert(0, [line.uid for line in page.lines])
    assert [uid for one in back for uid in one] == [uid for one in found for uid in one]
    return [uid for one in found for uid in one]


def fill(core, ola, number=120) -> list[int]:
    """Messages in Archive whose dates go up and down, with some senders, subjects and sizes."""
    return [
        put(
            core,
            ola,
            letter(n, subject=f"emne {n % 7}", sender=f"p{n % 5}@x.example", text="x" * (n % 11 * 100)),
            "Archive",
            at=day(n * 37 % 50),
            flags=frozenset({"\\Seen"} if n % 3 else {"\\Flagged"} if n % 2 else ()),
        )
        for n in range(number)
    ]


@pytest.mark.parametrize("order", ["date", "from", "subject", "size"])
@pytest.mark.parametrize("ascending", [False, True])
def test_every_order_goes_through_all_messages_once(core, ola, order, ascending):
    uids = fill(core, ola)
    infos = {
        info.uid: info
        for info in core.db.read(
            lambda tx: core.mail.infos(tx, core.mail.mailbox(tx, ola.id, "Archive").id, [(1, 1000)])
        )
    }
    keys = {
        "date": lambda n: infos[uids[n]].internal_date,
        "from": lambda n: f"p{n % 5}",
        "subject": lambda n: f"emne {n % 7}",
        "size": lambda n: infos[uids[n]].size,
    }
    expected = sorted(range(len(uids)), key=lambda n: (keys[order](n), uids[n]), reverse=not ascending)
    assert pages(core, ola, order=order, ascending=ascending) == [uids[n] for n in expected]


def test_only_unread_and_only_flagged(core, ola):
    uids = fill(core, ola)
    assert sorted(pages(core, ola, only="unread")) == [uid for n, uid in enumerate(uids) if n % 3 == 0]
    assert sorted(pages(core, ola, only="flagged")) == [uid for n, uid in enumerate(uids) if n % 6 == 3]


def test_mail_that_comes_in_meanwhile_repeats_nothing(core, ola):
    fill(core, ola)
    first = mail_list.page(core, ola.id, "Archive", ListRequest())
    put(core, ola, letter(999), "Archive", at=day(400))
    second = mail_list.page(core, ola.id, "Archive", ListRequest(after=first.older))
    assert {line.uid for line in first.lines} & {line.uid for line in second.lines} == set()


def test_a_list_begins_on_a_chosen_day(core, ola):
    fill(core, ola)
    page = mail_list.page(core, ola.id, "Archive", ListRequest(day=day(20).date()))
    assert page.lines[0].at == day(20)


def test_the_lists_know_what_was_removed_and_moved(core, ola):
    uids = fill(core, ola, 10)
    mail_list.page(core, ola.id, "Archive", ListRequest(order="from"))
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive"))
    core.db.write(lambda tx: core.mail.expunge(tx, box.id, [(uids[3], uids[5])], only_deleted=False))
    assert sorted(pages(core, ola, order="from")) == uids[:3] + uids[6:]
    rows = core.db.read(lambda tx: tx.rows("SELECT uid FROM line WHERE mailbox=?", box.id))
    assert len(rows) == 7


def conversation(core, ola) -> list[int]:
    return [
        put(core, ola, letter(1, subject="Tur"), "Archive", at=day(1)),
        put(core, ola, letter(7, subject="Annet"), "Archive", at=day(2)),
        put(
            core,
            ola,
            letter(3, subject="Re: Tur", more="References: <n1@x.example> <n2@x.example>\r\n"),
            "Archive",
            at=day(4),
        ),
        put(core, ola, letter(2, subject="Re: Tur", more="In-Reply-To: <n1@x.example>\r\n"), "Archive", at=day(3)),
    ]


def test_answers_stand_in_one_conversation_with_the_newest_on_top(core, ola):
    a, other, c, b = conversation(core, ola)
    page = mail_list.page(core, ola.id, "Archive", ListRequest(threads=True))
    assert [(line.uid, line.uids) for line in page.lines] == [(c, (a, b, c)), (other, (other,))]
    assert page.lines[0].count == 3


def test_two_conversations_become_one_when_a_message_joins_them(core, ola):
    uids = [
        put(core, ola, letter(1), "Archive", at=day(1)),
        put(core, ola, letter(2), "Archive", at=day(2)),
    ]
    assert len(mail_list.page(core, ola.id, "Archive", ListRequest(threads=True)).lines) == 2
    uids.append(put(core, ola, letter(3, more="References: <n1@x.example> <n2@x.example>\r\n"), "Archive", at=day(3)))
    [line] = mail_list.page(core, ola.id, "Archive", ListRequest(threads=True)).lines
    assert line.uids == tuple(uids)


def test_a_conversation_falls_back_when_its_newest_message_goes(core, ola):
    a, other, c, b = conversation(core, ola)
    mail_list.page(core, ola.id, "Archive", ListRequest(threads=True))
    box = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive"))
    core.db.write(lambda tx: core.mail.expunge(tx, box.id, [(c, c), (b, b)], only_deleted=False))
    page = mail_list.page(core, ola.id, "Archive", ListRequest(threads=True))
    assert [line.uid for line in page.lines] == [other, a]


def test_a_message_shows_the_rest_of_its_conversation(inside, core, ola):
    a, _, c, _ = conversation(core, ola)
    page = inside.get(f"/mail/Archive/{a}").text
    assert f'href="/mail/Archive/{c}"' in page.partition("I samme samtale")[2]


def test_a_conversation_is_moved_as_a_whole(inside, core, ola):
    conversation(core, ola)
    mail_settings.save_settings(core, ola.id, MailSettings(threads=True))
    page = inside.get("/mail/Archive/").text
    [uids] = [value for value in re.findall(r"name=uid value=([\d,]+)", page) if value.count(",") == 2]
    inside.send("/mail/Archive/", action="delete", uid=uids)
    assert (count(core, ola, "Archive"), count(core, ola, "Trash")) == (1, 3)


def test_an_action_leads_back_to_the_same_part_of_the_list(inside, core, ola):
    uids = fill(core, ola)
    page = inside.get("/mail/Archive/?order=from").text
    onward = re.search(r'href="([^"]+)" rel="next"', page)[1].replace("&amp;", "&")
    answer = inside.send(
        onward, to="/mail/Archive/", back=onward.partition("/mail/Archive/")[2], action="read", uid=str(uids[0])
    )
    assert answer.location == onward
    assert inside.send("/mail/Archive/", back="//evil.example", action="read", uid="1").location == "/mail/Archive/"


def test_all_of_a_mailbox_is_marked_as_read(inside, core, ola):
    fill(core, ola, 9)
    inside.send("/mail/Archive/", action="read-all")
    assert core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive")).unseen == 0


def test_all_boxes_of_a_page_are_ticked_by_a_link(inside, core, ola):
    fill(core, ola, 3)
    assert inside.get("/mail/Archive/?tick=all").text.count(" checked>") == 3


@pytest.mark.parametrize("query", [
    "?after=zzz", "?after=~", "?after=9e9~1", "?before=1~99999999999999999999", "?order=evil", "?only=evil", "?day=9999-99-99",
    "?order=subject&after=%00~1", "?view=threads&after=a~b", "?after=99999999999999999999999~1",
])  # fmt: skip
def test_nonsense_in_the_address_shows_the_list(inside, core, ola, query):
    fill(core, ola, 3)
    assert inside.get(f"/mail/Archive/{query}").text.count("name=uid ") == 3


def test_marks_are_words_too(inside, core, ola):
    put(core, ola, letter(1), "Archive", flags=frozenset({"\\Flagged", "\\Answered"}))
    page = inside.get("/mail/Archive/").text
    for word in ("ny", "flagget", "besvart"):
        assert f"<i>{word} </i>" in page


def test_dates_are_short_where_they_can_be(inside, core, ola):
    put(core, ola, letter(1), "Archive", at=core.clock.now())
    put(core, ola, letter(2), "Archive", at=core.clock.now() - timedelta(days=800))
    times = re.findall(r"<time>([^<]+)</time>", inside.get("/mail/Archive/").text)
    assert re.fullmatch(r"\d\d:\d\d", times[0])
    assert re.search(r"20\d\d", times[1])


def test_mailboxes_are_made_renamed_and_deleted(inside, core, ola):
    inside.send("/mail/boxes", action="create", new="Reise")
    inside.send("/mail/boxes", action="create", new="Ås", inside="Reise")
    put(core, ola, mailbox="Reise/Ås")
    inside.send("/mail/boxes", action="rename", name="Reise/Ås", new="Oslo")
    asked = inside.send("/mail/boxes", action="delete", name="Reise/Oslo")
    assert "Det ligger e-post i" in asked.text
    assert count(core, ola, "Reise/Oslo") == 1
    inside.send("/mail/boxes", action="delete", name="Reise/Oslo", sure="1")
    assert count(core, ola, "Trash") == 1
    assert inside.get("/mail/Reise/Oslo/").status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "delete", "name": "INBOX", "sure": "1"},
        {"action": "delete", "name": "Sent"},
        {"action": "rename", "name": "Trash", "new": "x"},
        {"action": "create", "new": ""},
        {"action": "create", "new": "Sent"},
        {"action": "create", "new": "a*b"},
        {"action": "rename", "name": "Nowhere", "new": "x"},
    ],
)
def test_mailboxes_that_are_needed_stay(inside, fields):
    assert inside.send("/mail/boxes", **fields).status_code in (400, 403, 404, 409)


def test_a_long_subject_is_cut_in_the_list_and_whole_on_its_page(inside, core, ola):
    subject = "Æ" * (rows.MOST_SHOWN - 1) + "ØØ"
    uid = put(core, ola, letter(subject=subject))
    shown = inside.get("/mail/").text
    assert f">{'Æ' * (rows.MOST_SHOWN - 1)}…</a>" in shown
    assert "Ø" not in shown.partition('<ol class="messages">')[2].partition("</ol>")[0]
    page = inside.get(f"/mail/INBOX/{uid}").text
    assert f"<title>{subject} – Alumnimail</title>" in page
    assert f"<h1>{subject}</h1>" in page


def test_in_junk_the_button_says_that_it_is_none(inside, core, ola):
    uid = put(core, ola, mailbox="Junk")
    for page in (f"/mail/Junk/{uid}", "/mail/Junk/"):
        text = inside.get(page).text
        assert 'value="not-junk">Ikke søppel' in text
        assert 'value="junk"' not in text
    before = count(core, ola, "INBOX")
    inside.send("/mail/Junk/", action="not-junk", uid=str(uid))
    assert (count(core, ola, "INBOX"), count(core, ola, "Junk")) == (before + 1, 0)
    assert 'value="junk">Søppelpost' in inside.get("/mail/INBOX/").text
