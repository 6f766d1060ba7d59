"""Newsletters (N13): one blob, a row for each subscriber, no quota, signed leaving, corrections until they are read."""

import threading

import dkim as reference
import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.domain import NewsletterState
from mailcore.errors import InvalidName, NotAllowed
from mailcore.mail.reading.feedback import Feedback
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.returned import Returned
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import AuditFilter, Event
from mailcore.services.forwarding import bounces, complaints, forwarding
from mailcore.services.mailauth import dkim_keys
from mailcore.services.newsletters import corrections, issues, results, sending, topics, work, writing
from mailcore.services.operations import health
from mailcore.services.quota import quota
from mailcore.services.sieve_scripts import filters
from mailcore.services.webmail import list_leaving
from mailcore.store.forwarding import onward
from mailcore.store.people import topics as topic_store
from mailcore.store.queue.items import list_items, read_octets
from mailcore.store.site import newsletters
from tests.readers import text_of
from tests.services.conftest import SetClock

NAMES = {"nb": "Nytt fra fakultetet", "nn": "Nytt frå fakultetet", "en": "Faculty news"}
TEXT = "# Hei\n\nDette er **nytt** fra <script>x</script> og https://uni.example/a?b=1.\n\n* en\n* to\n"


@pytest.fixture
def core(tmp_path):
    built = cores.build(
        parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n[forwarding]\ntargets = "any"\n'), SetClock()
    )
    dkim_keys.ensure_keys(built.config)
    yield built
    cores.close(built)


@pytest.fixture
def topic(core) -> int:
    return topics.create_topic(core, NAMES, actor="eva")


def new_account(core, name: str):
    """Add an account whose boxes are empty, without the word of welcome."""
    account = accounts.add_account(core, name)
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, account.id, "INBOX"))
    core.db.write(lambda tx: core.mail.expunge(tx, inbox.id, None, only_deleted=False))
    return account


def add(core, topic: int, *names: str) -> None:
    for name in names:
        account = new_account(core, name)
        topics.set_consents(core, account.id, {topic}, {topic: "Ja takk"})


def draft(core, topic: int, subject: str = "November", text: str = TEXT) -> int:
    return issues.create_draft(core, topic, "nb", subject, text, actor="eva")


def send(core, topic: int, **words: str) -> int:
    number = draft(core, topic, **words)
    issues.schedule(core, number, None, actor="eva")
    assert list(sending.send_newsletter(core, number)) or True
    return number


def box(core, name: str, mailbox: str = "INBOX") -> list[bytes]:
    account = accounts.find_account(core, name).id

    def read(tx):
        found = core.mail.mailbox(tx, account, mailbox)
        return [core.mail.octets(tx, found.id, uid) for uid in core.mail.uids(tx, found.id)]

    return core.db.read(read)


def used(core, name: str) -> int:
    return accounts.find_account(core, name).used


def flag(core, name: str, word: str) -> None:
    account = accounts.find_account(core, name).id
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, account, "INBOX"))
    core.db.write(lambda tx: core.mail.set_flags(tx, inbox.id, [(1, 2**31)], "add", frozenset({word})))


def is_signed(core, octets: bytes) -> bool:
    """Ask another program (dkimpy) about the first signature."""
    records = dkim_keys.dns_records(core.config)
    return bool(
        reference.DKIM(octets).verify(0, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")].encode())
    )


def queued(core):
    return [one for one in core.db.read(list_items) if one.origin == "forward"]


def test_n39_everybody_has_it_once_in_one_blob_and_it_counts_against_no_quota(core, topic):
    add(core, topic, "ola", "kari", "per")
    new_account(core, "nina")  # has not agreed
    number = send(core, topic)
    assert [len(box(core, name)) for name in ("ola", "kari", "per", "nina")] == [1, 1, 1, 0]
    blobs = core.db.read(lambda tx: tx.rows("SELECT DISTINCT blob FROM message"))
    assert len(blobs) == 1
    assert [used(core, name) for name in ("ola", "kari", "per")] == [0, 0, 0]
    newsletter = sending.find_newsletter(core, number)
    assert (newsletter.state, newsletter.counts.filed, newsletter.counts.unsent) == (NewsletterState.SENT, 3, 0)
    assert health.check_installation(core, repair=False) == []


def test_n39_a_full_box_gets_it_too_and_copies_and_removals_change_no_count(core, topic):
    add(core, topic, "ola")
    ola = accounts.find_account(core, "ola")
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    prepared = core.blobs.prepare(b"Subject: x\r\n\r\n" + b"x" * 2000)
    core.db.write(lambda tx: core.mail.append(tx, ola.id, inbox.id, prepared, frozenset(), core.clock.now()))
    quota.change_quota(core, ola.id, 1500, actor="eva")
    before = used(core, "ola")
    send(core, topic)
    assert b"List-Id" in box(core, "ola")[-1]
    uid = core.db.read(lambda tx: core.mail.uids(tx, inbox.id))[-1]
    archive = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "Archive"))
    assert core.db.write(lambda tx: core.mail.copy(tx, ola.id, inbox.id, [(uid, uid)], archive.id))[0] == [uid]
    assert core.db.write(lambda tx: core.mail.move(tx, inbox.id, [(uid, uid)], archive.id))[0] == [uid]
    assert used(core, "ola") == before
    assert health.check_installation(core, repair=False) == []
    core.db.write(lambda tx: core.mail.expunge(tx, archive.id, [(1, 1)], only_deleted=False))
    assert used(core, "ola") == before
    core.db.write(lambda tx: core.mail.delete(tx, ola.id, "Archive"))
    assert (used(core, "ola"), health.check_installation(core, repair=False)) == (before, [])


def test_n39_who_puts_the_same_octets_there_themselves_pays_nothing_either(core, topic):
    """The count goes by the octets, so that it is the same whenever somebody counts anew."""
    add(core, topic, "ola")
    number = send(core, topic)
    ola = accounts.find_account(core, "ola").id
    issue = sending.load_issue(core, sending.find_newsletter(core, number))
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, ola, "INBOX"))
    core.db.write(lambda tx: core.mail.append(tx, ola, inbox.id, issue.prepared, frozenset(), core.clock.now()))
    assert used(core, "ola") == 0
    assert health.check_installation(core, repair=False) == []


def test_n39_it_is_a_list_with_one_press_and_text_and_html_say_the_same(core, topic):
    add(core, topic, "ola")
    send(core, topic)
    [octets] = box(core, "ola")
    head = octets.partition(b"\r\n\r\n")[0].decode()
    account = accounts.find_account(core, "ola").id
    assert "List-Id: <faculty-news.newsletter.alumni.example>" in head
    assert f"<{topics.create_leave_link(core, account, topic)}>" in head.replace("\r\n ", "")
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert "From: Nytt fra fakultetet <newsletter+faculty-news@alumni.example>" in head
    assert "Reply-To: help@alumni.example" in head
    text = text_of(octets)
    assert "Dette er **nytt**" in text
    assert "Du får denne e-posten fordi du har sagt ja til «Nytt fra fakultetet»." in text
    html = str(writing.render_html(TEXT))
    assert "<strong>nytt</strong>" in html
    assert "<script" not in html
    assert '<a href="https://uni.example/a?b=1">' in html


@pytest.mark.parametrize(
    "text", ["![x](https://t.example/p.gif)", "[x](javascript:alert(1))", "<img src=x>", "[x](data:text/html,x)"]
)
def test_n39_no_text_shows_a_picture_of_others_or_runs_anything(text):
    html = str(writing.render_html(text))
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html


def test_n39_a_forwarded_copy_is_signed_with_the_way_to_leave(core, topic):
    """RFC 8058 section 4: a valid signature covers List-Unsubscribe and List-Unsubscribe-Post."""
    add(core, topic, "ola", "kari")
    forwarding.set_forwarding(
        core, accounts.find_account(core, "ola").id, "ola@home.example", copy=True, confirmed=True
    )
    forwarding.set_forwarding(
        core, accounts.find_account(core, "kari").id, "k@home.example", copy=False, confirmed=True
    )
    number = send(core, topic)
    items = queued(core)
    assert [one.recipient for one in items] == ["ola@home.example", "k@home.example"]
    assert len({one.blob for one in items}) == 1
    for item in items:
        octets = core.db.read(lambda tx, item=item: read_octets(tx, core.blobs, item))
        head = octets.partition(b"\r\n\r\n")[0].lower()
        assert b":list-unsubscribe:list-unsubscribe-post" in head.replace(b"\r\n\t", b"").replace(b" ", b"")
        assert is_signed(core, octets)
        assert item.sender.endswith("@srs.alumni.example")
    counts = sending.find_newsletter(core, number).counts
    assert (counts.filed, counts.forwarded) == (1, 2)


def test_n39_the_owners_own_filter_files_it(core, topic):
    add(core, topic, "ola")
    ola = accounts.find_account(core, "ola").id
    filters.put_script(
        core,
        ola,
        "mine",
        'require ["fileinto", "mailbox"]; if header :contains "list-id" "faculty-news" { fileinto :create "News"; }',
    )
    filters.set_active_script(core, ola, "mine")
    send(core, topic)
    assert (len(box(core, "ola")), len(box(core, "ola", "News"))) == (0, 1)
    assert used(core, "ola") == 0


def test_n39_who_leaves_while_it_is_sent_gets_none_and_who_changes_a_rule_is_planned_anew(core, topic, monkeypatch):
    monkeypatch.setattr(sending, "BATCH", 2)
    add(core, topic, "a1", "b2", "c3")
    number = draft(core, topic)
    issues.schedule(core, number, None, actor="eva")
    batches = sending.send_newsletter(core, number)
    assert next(batches) == 2
    topics.set_consents(core, accounts.find_account(core, "c3").id, set(), {})
    assert list(batches) == []
    assert [len(box(core, name)) for name in ("a1", "b2", "c3")] == [1, 1, 0]


def between(monkeypatch, module, name: str, act) -> None:
    """Do something else between what was read and what is written of it, once."""
    real, done = getattr(module, name), []

    def wrapped(*args):
        found = real(*args)
        if not done:
            done.append(True)
            act()
        return found

    monkeypatch.setattr(module, name, wrapped)


def test_n39_who_leaves_in_the_moment_before_the_write_gets_none(core, topic, monkeypatch):
    add(core, topic, "ola", "kari")
    ola = accounts.find_account(core, "ola").id
    between(monkeypatch, sending, "_plan_all", lambda: topics.set_consents(core, ola, set(), {}))
    number = send(core, topic)
    assert [len(box(core, name)) for name in ("ola", "kari")] == [0, 1]
    assert sending.find_newsletter(core, number).counts.filed == 1


def test_n39_two_that_send_at_once_give_nobody_two(core, topic, monkeypatch):
    monkeypatch.setattr(sending, "BATCH", 2)
    names = [f"user{n}" for n in range(9)]
    add(core, topic, *names)
    number = draft(core, topic)
    issues.schedule(core, number, None, actor="eva")
    other = sending.send_newsletter(core, number)
    between(monkeypatch, sending, "_plan_all", lambda: next(other))
    assert sum(sending.send_newsletter(core, number)) == 7
    assert [len(box(core, name)) for name in names] == [1] * 9
    assert sending.find_newsletter(core, number).counts.filed == 9


def test_n39_an_editor_stops_it_and_goes_on(core, topic, monkeypatch):
    monkeypatch.setattr(sending, "BATCH", 1)
    add(core, topic, "ola", "kari")
    number = draft(core, topic)
    issues.schedule(core, number, None, actor="eva")
    batches = sending.send_newsletter(core, number)
    next(batches)
    issues.stop(core, number, actor="eva")
    assert list(batches) == []
    assert work.work_on_newsletters(core) == 0
    issues.resume(core, number, actor="eva")
    assert work.work_on_newsletters(core) == 1
    assert [len(box(core, name)) for name in ("ola", "kari")] == [1, 1]


def test_n39_the_job_sends_at_the_time_that_was_chosen_and_not_before(core, topic):
    add(core, topic, "ola")
    number = draft(core, topic)
    at = core.clock.now().replace(hour=18)
    issues.schedule(core, number, at, actor="eva")
    assert work.work_on_newsletters(core) == 0
    issues.take_back(core, number, actor="eva")
    core.clock.forward(hours=7)
    assert work.work_on_newsletters(core) == 0
    with pytest.raises(InvalidName):
        issues.schedule(core, number, at, actor="eva")
    issues.schedule(core, number, None, actor="eva")
    assert work.work_on_newsletters(core) == 1
    with pytest.raises(NotAllowed):
        issues.take_back(core, number, actor="eva")
    events = [one.entry.event for one in audit.search_entries(core, AuditFilter(actor="eva"))]
    assert events[:4] == [
        Event.NEWSLETTER_SENT,
        Event.NEWSLETTER_BEGUN,
        Event.NEWSLETTER_SCHEDULED,
        Event.NEWSLETTER_TAKEN_BACK,
    ]


def test_n39_a_topic_that_ends_takes_what_was_scheduled_with_it(core, topic):
    add(core, topic, "ola")
    number = draft(core, topic)
    issues.schedule(core, number, None, actor="eva")
    topics.end_topic(core, topic, actor="eva")
    assert work.work_on_newsletters(core) == 0
    assert sending.find_newsletter(core, number).state is NewsletterState.STOPPED


def test_n39_a_test_goes_to_its_editor_alone(core, topic):
    add(core, topic, "ola")
    eva = new_account(core, "eva")
    sending.send_test(core, sending.find_newsletter(core, draft(core, topic)), eva)
    [octets] = box(core, "eva")
    assert Message(octets).header.values("subject") == ("[Prøvemelding] November",)
    assert box(core, "ola") == []


def test_n39_the_webmail_leaves_it_by_one_press_without_asking_any_server(tmp_path):
    settings = f'data = "{tmp_path}"\npublic_url = "https://alumni.example"\n[outbound]\nmode = "capture"\n'
    core = cores.build(parse_config(settings), SetClock())
    topic = topics.create_topic(core, NAMES, actor="eva")
    add(core, topic, "ola")
    send(core, topic)
    ola = accounts.find_account(core, "ola").id
    assert list_leaving.press(core, ola, "INBOX", 2) == "alumni.example"
    assert topics.list_consents(core, ola) == set()
    cores.close(core)


# Corrections


def test_n39_a_correction_replaces_what_nobody_has_read_and_nothing_else(core, topic):
    add(core, topic, "ola", "kari", "per", "siri")
    number = send(core, topic, text="Feil dato: 1. mai")
    flag(core, "kari", "\\Seen")
    flag(core, "per", "\\Flagged")
    flag(core, "siri", "\\Deleted")
    corrections.begin_correction(core, number, "November", "Rett dato: 2. mai", actor="eva")
    with pytest.raises(NotAllowed):
        corrections.begin_correction(core, number, "November", "Rett dato: 3. mai", actor="eva")
    assert work.work_on_newsletters(core) == 2
    texts = {name: text_of(box(core, name)[0]) for name in ("ola", "kari", "per", "siri")}
    assert {name: "Rett dato" in text for name, text in texts.items()} == {
        "ola": True,
        "kari": False,
        "per": True,
        "siri": False,
    }
    [octets] = box(core, "ola")
    assert b"List-Unsubscribe: " in octets
    assert b"Supersedes: <" in octets
    assert octets.count(b"Delivered-To: ola@alumni.example") == 1
    per = accounts.find_account(core, "per").id
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, per, "INBOX"))
    [info] = core.db.read(lambda tx: core.mail.infos(tx, inbox.id, [(1, 99)]))
    assert (info.uid, info.flags) == (3, frozenset({"\\Flagged"}))
    newsletter = sending.find_newsletter(core, number)
    assert (newsletter.counts.corrected, newsletter.is_correcting) == (2, False)
    assert health.check_installation(core, repair=False) == []
    corrections.begin_correction(core, number, "November", "Rett dato: 3. mai", actor="eva")
    assert work.work_on_newsletters(core) == 2
    assert "3. mai" in text_of(box(core, "ola")[0])


def test_n39_who_reads_it_in_the_moment_before_the_write_keeps_what_they_read(core, topic, monkeypatch):
    add(core, topic, "ola")
    number = send(core, topic, text="Feil")
    corrections.begin_correction(core, number, "November", "Rett", actor="eva")
    between(monkeypatch, newsletters, "list_unread", lambda: flag(core, "ola", "\\Seen"))
    work.work_on_newsletters(core)
    assert "Feil" in text_of(box(core, "ola")[0])
    assert sending.find_newsletter(core, number).counts.corrected == 0


def test_n39_a_correction_also_changes_copies_that_wait_to_be_forwarded(core, topic):
    add(core, topic, "ola")
    forwarding.set_forwarding(
        core, accounts.find_account(core, "ola").id, "ola@home.example", copy=False, confirmed=True
    )
    number = send(core, topic, text="Feil")
    [before] = queued(core)
    corrections.begin_correction(core, number, "November", "Rett", actor="eva")
    assert work.work_on_newsletters(core) == 1
    [after] = queued(core)
    assert (after.id, after.sender) == (before.id, before.sender)
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, after))
    assert "Rett" in text_of(octets)
    assert is_signed(core, octets)


# What comes back


@pytest.fixture
def forwarded(core, topic) -> tuple[int, str]:
    """The newsletter, and the local part of the envelope sender of ola's copy."""
    add(core, topic, "ola")
    ola = accounts.find_account(core, "ola").id
    forwarding.set_forwarding(core, ola, "ola@home.example", copy=True, confirmed=True)
    number = send(core, topic)
    [item] = queued(core)
    return number, item.sender.partition("@")[0]


def test_n39_who_calls_it_spam_leaves_the_topic_and_is_counted_once(core, topic, forwarded):
    number, token = forwarded
    for _ in range(2):
        assert core.db.write(lambda tx: complaints.record_complaint(core, tx, Feedback("abuse", (token,))))
    ola = accounts.find_account(core, "ola").id
    assert topics.list_consents(core, ola) == set()
    assert sending.find_newsletter(core, number).counts.complaints == 1
    assert audit.list_entries(core, ola)[0].detail == f"{topic}: called spam where it is forwarded to"


def test_n39_a_copy_that_comes_back_is_counted_for_it_and_for_the_forwarding(core, forwarded):
    number, token = forwarded
    returned = core.db.read(lambda tx: bounces.find_return(core, tx, token))
    report = Returned("failed", "5.1.1", "550 no such user")
    empty = core.blobs.prepare(b"Subject: report\r\n\r\nx\r\n")
    core.db.write(lambda tx: bounces.record_report(core, tx, returned, report, empty, b""))
    assert sending.find_newsletter(core, number).counts.returned == 1
    ola = accounts.find_account(core, "ola").id
    assert forwarding.read_forwarding(core, ola).failures == 1
    assert len(box(core, "ola")) == 1


def test_n39_answers_of_the_targets_are_counted(core, forwarded):
    number, _token = forwarded
    [item] = queued(core)
    now = core.clock.seconds()
    core.db.write(lambda tx: onward.save_answer(tx, item.id, "delivered", host="mx", code=250, reply="ok", now=now))
    results.count_answers(core)
    counts = sending.find_newsletter(core, number).counts
    assert (counts.delivered, counts.refused) == (1, 0)
    assert [one.id for one in results.list_latest(core, [sending.find_newsletter(core, number).topic])] == [number]


def test_n39_nobody_waits_while_answers_are_counted(core, forwarded, monkeypatch):
    """They stand in as many rows as were forwarded, and whoever writes meanwhile would wait for all of them."""
    count, written = newsletters.count_answers, []

    def count_while_somebody_writes(tx, newsletter):
        writer = threading.Thread(target=lambda: written.append(core.db.write(lambda tx: True)), daemon=True)
        writer.start()
        writer.join(60)
        assert written == [True]
        return count(tx, newsletter)

    monkeypatch.setattr(newsletters, "count_answers", count_while_somebody_writes)
    results.count_answers(core)
    assert written == [True]


def test_n39_a_topic_is_found_by_its_number_without_counting_who_agreed(core, topic):
    asked: list[str] = []

    class Noting:
        def __init__(self, tx) -> None:
            self._tx = tx

        def row(self, sql, *params):
            asked.append(sql)
            return self._tx.row(sql, *params)

    found = core.db.read(lambda tx: topic_store.find_topic(Noting(tx), topic))  # type: ignore[arg-type]  # a Tx, and a list
    assert (found.names, found.slug) == (NAMES, "faculty-news")
    assert topics.find_topic(core, topic) == found
    assert len(asked) == 1
    assert "consent" not in asked[0]
    add(core, topic, "ola", "kari")
    assert topics.count_subscribers(core, topic) == 2
