"""Content filters: the real rspamd, the real opendkim and ClamAV as milters; Junk, scores, learning."""

import base64
import io
import re
import socket
import struct
import threading
import zipfile
from contextlib import contextmanager

import pytest

from mailcore import core as cores
from mailcore.domain import NewFile
from mailcore.services.accounts import accounts
from mailcore.services.filtering import learning, uploads
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import tickets
from mailcore.services.webmail import mail_actions
from mailcore.store.delivery import learning as store
from mailcore.store.queue.items import list_items
from portal import create_app
from portal.help import forms
from tests.content_filters import EICAR, clamav, opendkim, rspamd
from tests.machine import until
from tests.smtp_talk import build, inbox, talk

START = "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n"
CLEAN = (
    "From: A <a@b.example>\r\nTo: kari@alumni.example\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    "Message-ID: <1@b.example>\r\nSubject: hei\r\n\r\nHow are you?\r\n"
)
SPAM = "From: a@b.example\r\nSubject: pills\r\n\r\ncheap pills and many other wonderful words to learn from\r\n"
GTUBE = SPAM + "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"


def send(core, message: str) -> str:
    heard = []

    async def play(connect):
        heard.append((await (await connect()).say(START + message + ".\r\n", 4))[3])

    talk(core, play)
    return heard[0]


def box(core, name: str, mailbox: str) -> list[bytes]:
    account = accounts.find_account(core, name).id

    def read(tx):
        found = core.mail.mailbox(tx, account, mailbox)
        return [core.mail.octets(tx, found.id, uid) for uid in core.mail.uids(tx, found.id)]

    return core.db.read(read)


@pytest.fixture(scope="module")
def filter_(tmp_path_factory):
    with rspamd(tmp_path_factory.mktemp("filter") / "rspamd") as running:
        yield running


@pytest.fixture
def pupil(tmp_path):
    """Another one, which judges nothing: what judges may hold the database of the one that learns, and for long."""
    with rspamd(tmp_path / "pupil") as running:
        yield running


@pytest.mark.interop
def test_rspamd_s_word_becomes_junk_a_field_a_refusal_and_a_score(filtering, filter_):
    core = filtering(f'rspamd = "{filter_.url}"')
    kari = accounts.find_account(core, "kari").id
    assert send(core, CLEAN).startswith("250")
    assert b"\r\nX-Spam-Status: No, score=" in inbox(core, "kari")[-1]

    assert send(core, SPAM).startswith("250")
    [junk] = box(core, "kari", "Junk")
    assert b"\r\nX-Spam-Status: Yes, score=5.5 required=15.0\r\nX-Spam-Flag: YES\r\n" in junk
    assert junk.endswith(SPAM.encode())

    large = CLEAN + ("words and words\r\n" * 20_000)
    assert send(core, large).startswith("250")
    assert b"X-Spam-Status: No" in inbox(core, "kari")[-1]
    assert inbox(core, "kari")[-1].endswith(large.encode())

    assert send(core, GTUBE).startswith("554 5.7.1")
    assert len(box(core, "kari", "Junk")) == 1

    forwarding.set_forwarding(core, kari, "kari@home.example", copy=True, confirmed=True)
    before = len(core.db.read(lambda tx: list_items(tx)))
    assert send(core, SPAM).startswith("250")
    assert len(core.db.read(lambda tx: list_items(tx))) == before  # spam does not go on
    forwarding.stop_forwarding(core, kari)

    source = 'require ["spamtestplus", "relational", "comparator-i;ascii-numeric", "imap4flags"];\n'
    source += 'if spamtest :percent :value "gt" :comparator "i;ascii-numeric" "30" { addflag "seen37"; keep; }'
    filters.put_script(core, kari, "own", source)
    filters.set_active_script(core, kari, "own")
    before = len(inbox(core, "kari"))
    assert send(core, SPAM).startswith("250")
    assert len(inbox(core, "kari")) == before + 1  # the script decided itself


@pytest.mark.interop
def test_what_it_wants_to_refuse_may_be_kept_as_junk(filtering, filter_):
    core = filtering(f'rspamd = "{filter_.url}"\nrefuse = false')
    assert send(core, GTUBE).startswith("250")
    assert len(box(core, "kari", "Junk")) == 1


@pytest.mark.interop
def test_moves_to_and_from_junk_teach_it_and_emptying_junk_does_not(filtering, filter_, pupil):
    core = filtering(f'rspamd = "{filter_.url}"\nlearn = "{pupil.controller}"\nlearn_password = "learn"')
    kari = accounts.find_account(core, "kari").id
    send(
        core, CLEAN + "Shall we have lunch on Friday, in the old canteen behind the library, as we did last summer?\r\n"
    )
    send(core, SPAM.replace("pills", "watches"))
    send(core, SPAM.replace("pills", "loans"))

    def uid(name: str) -> int:
        return core.db.read(lambda tx: core.mail.uids(tx, core.mail.mailbox(tx, kari, name).id))[-1]

    def has_learned(*lessons: int) -> bool:
        # as the job does again and again: the filter's own database may be locked for a moment, its answer may come too late
        learning.teach_filter(core)
        return core.db.read(lambda tx: store.list_waiting(tx, 9)) == [] and pupil.learned() == lessons

    spam, ham = pupil.learned()
    uids = core.db.read(lambda tx: core.mail.uids(tx, core.mail.mailbox(tx, kari, "Junk").id))
    mail_actions.apply_action(core, kari, "Junk", [uids[1]], "delete")
    learning.teach_filter(core)
    assert core.db.read(lambda tx: store.list_waiting(tx, 9)) == []
    assert pupil.learned() == (spam, ham)  # Junk to Trash is not "ham"
    mail_actions.apply_action(core, kari, "INBOX", [uid("INBOX")], "junk")
    assert until(lambda: has_learned(spam + 1, ham)), pupil.log.read_text()[-3000:]
    mail_actions.apply_action(core, kari, "Junk", [uids[0]], "move", "INBOX")
    assert until(lambda: has_learned(spam + 1, ham + 1)), pupil.log.read_text()[-3000:]


@pytest.mark.interop
def test_a_milter_adds_its_fields_above_the_untouched_message(filtering, tmp_path):
    with opendkim(tmp_path / "opendkim") as address:
        core = filtering(f'milters = ["{address}"]')
        large = CLEAN + ("x" * 70 + "\r\n") * 10_000
        for message in (CLEAN, large):
            assert send(core, message).startswith("250")
            stored = inbox(core, "kari")[-1]
            assert b"\r\nDKIM-Filter: OpenDKIM Filter" in stored
            assert stored.count(b"Authentication-Results:") == 1  # ours
            assert stored.endswith(message.encode())


@pytest.mark.interop
def test_a_milter_refuses(filtering, tmp_path):
    with opendkim(tmp_path / "opendkim", "On-NoSignature reject") as address:
        core = filtering(f'milters = ["{address}"]')
        assert send(core, CLEAN).startswith("550 5.7")
        core = filtering(f'milters = ["{address}"]\nrefuse = false')
        assert send(core, CLEAN).startswith("250")
        assert len(box(core, "kari", "Junk")) == 1


def attached(octets: bytes, *, before: int = 0) -> str:
    """A message with a file; `before` it, so many lines of another."""
    parts = [base64.encodebytes(one).decode().replace("\n", "\r\n") for one in (b"x" * 60 * before, octets)]
    head = CLEAN.replace("\r\n\r\n", '\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n', 1)
    each = "".join(
        f"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{part}\r\n"
        for part in parts
    )
    return head + "\r\n" + each + "--b--\r\n"


def zipped(octets: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("letter.com", octets)
    return file.getvalue()


VIRUSES = {
    "attached": attached(EICAR),
    "zipped": attached(zipped(EICAR)),
    "zipped twice": attached(zipped(zipped(EICAR))),
    "large": attached(EICAR, before=20_000),
    "plain": CLEAN + EICAR.decode() + "\r\n",
}


@pytest.fixture(scope="module")
def scanner(tmp_path_factory):
    with clamav(tmp_path_factory.mktemp("scanner") / "clamav") as address:
        yield address


@pytest.mark.interop
@pytest.mark.parametrize("virus", VIRUSES.values(), ids=VIRUSES)
def test_clamav_refuses_a_virus_in_the_session(filtering, scanner, virus):
    core = filtering(f'milters = ["{scanner}"]')
    before = len(inbox(core, "kari"))
    assert send(core, virus).startswith("550 5.7.1 It carries Eicar-Test")
    assert len(inbox(core, "kari")) == before
    for clean in (CLEAN, attached(b"a letter")):
        assert send(core, clean).startswith("250")
        stored = inbox(core, "kari")[-1]
        assert b"\r\nX-Virus-Status: Clean\r\n" in stored
        assert stored.endswith(clean.encode())


@pytest.mark.interop
def test_a_virus_that_may_come_in_stands_in_junk_and_its_level_is_known(filtering, scanner, tmp_path):
    core = filtering(f'milters = ["{scanner}"]\nrefuse = false')
    assert send(core, VIRUSES["attached"]).startswith("250")
    assert len(box(core, "kari", "Junk")) == 1
    for action in ("Quarantine", "Accept", "Blackhole"):
        with clamav(tmp_path / action, f"OnInfected {action}") as address:
            core = filtering(f'milters = ["{address}"]')
            before = len(inbox(core, "kari"))
            assert send(core, VIRUSES["zipped"]).startswith("250")
            assert len(inbox(core, "kari")) == before
            [junk] = box(core, "kari", "Junk")
            assert junk.endswith(VIRUSES["zipped"].encode())
            if action != "Blackhole":
                assert b"\r\nX-Virus-Status: Infected (Eicar-Test" in junk
    core = filtering(f'milters = ["{scanner}"]\nrefuse = false')
    filters.put_script(core, accounts.find_account(core, "kari").id, "own", VIRUS_SCRIPT)
    filters.set_active_script(core, accounts.find_account(core, "kari").id, "own")
    assert send(core, CLEAN).startswith("250")
    assert len(box(core, "kari", "Archive")) == 1  # looked at, and clean


VIRUS_SCRIPT = """require ["virustest", "fileinto", "relational", "comparator-i;ascii-numeric"];
if virustest :value "eq" :comparator "i;ascii-numeric" "1" { fileinto "Archive"; }"""


@pytest.mark.interop
def test_a_scanner_whose_engine_is_away_makes_the_sender_try_again(filtering, tmp_path):
    with clamav(tmp_path / "clamav", broken=True) as address:
        core = filtering(f'milters = ["{address}"]')
        assert send(core, CLEAN).startswith("451 4.7.1")


@pytest.mark.parametrize(
    "settings",
    [
        'rspamd = "http://127.0.0.1:1"',
        'milters = ["inet:127.0.0.1:1"]',
        'milters = ["unix:/nowhere"]',
    ],
)
def test_a_filter_that_does_not_answer(filtering, settings):
    core = filtering(settings)
    assert send(core, CLEAN).startswith("250")
    core = filtering(settings + "\nrequired = true")
    assert send(core, CLEAN).startswith("451")


@pytest.mark.interop
def test_s29_a_virus_in_a_file_of_the_help_form_is_refused(tmp_path, scanner):
    core = build(tmp_path / "house", f'[filter]\nmilters = ["{scanner}"]\n')
    assert uploads.list_harmful(
        core, [NewFile("a.txt", "text/plain", EICAR), NewFile("b.txt", "text/plain", b"hei")]
    ) == ["a.txt"]
    cores.close(core)


@contextmanager
def odd_filter(answers: bytes):
    """A filter that says this whatever it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer:
                    peer.settimeout(2)
                    try:
                        peer.sendall(answers)
                        while peer.recv(65536):
                            pass
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"inet:127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(60)


def packets(*said: bytes) -> bytes:
    offer = b"O" + struct.pack("!III", 6, 1, 0x27F)  # wants nothing but the end
    return b"".join(struct.pack("!I", len(one)) + one for one in (offer, *said))


@pytest.mark.parametrize(("said", "reply", "mailbox", "field"), [
    ((b"hX-Virus-Status\0Infected (Eicar)\0", b"c"), "250", "Junk", b"X-Virus-Status: Infected (Eicar)\r\n"),
    ((b"hX-Virus-Status\0Clean\0", b"a"), "250", "INBOX", b"X-Virus-Status: Clean\r\n"),
    ((b"hX-Spam-Flag\0YES\0", b"c"), "250", "Junk", b"X-Spam-Flag: YES\r\n"),
    ((b"qlooks odd\0", b"c"), "250", "Junk", b""),
    ((b"d",), "250", "Junk", b""),  # nothing that got its 250 is lost
    ((b"y554 5.7.1 virus found\0",), "554 5.7.1 virus found", "", b""),
    ((b"y554 bad\r\n250 injected\0",), "554 bad250 injected", "", b""),
    ((b"yhello\0",), "550 5.7.1", "", b""),
    ((b"t",), "451 4.7.1", "", b""),
    ((b"p", b"i\0\0\0\1X-A\0b\n\tc\0", b"c"), "250", "INBOX", b"X-A: b\r\n\tc\r\n"),
    ((b"hX-A\0b\r\nFrom: evil@c.example\0", b"c"), "250", "INBOX", b"X-A: b\r\n\tFrom: evil@c.example\r\n"),
    ((b"hX-A: b\r\nFrom\0evil\0", b"hReceived\0forged\0", b"mX\0", b"c"), "250", "INBOX", b""),
    ((b"z", b"c"), "250", "INBOX", b""),
    ((b"",), "250", "INBOX", b""),
])  # fmt: skip
def test_what_a_milter_may_say(filtering, said, reply, mailbox, field):
    with odd_filter(packets(*said)) as address:
        core = filtering(f'milters = ["{address}"]\nseconds = 5')
        before = {name: len(box(core, "kari", name)) for name in ("INBOX", "Junk")}
        assert send(core, CLEAN).startswith(reply)
        after = {name: len(box(core, "kari", name)) for name in ("INBOX", "Junk")}
        assert after == {name: count + (name == mailbox) for name, count in before.items()}
        if mailbox:
            assert field in box(core, "kari", mailbox)[-1]
            assert b"forged" not in box(core, "kari", mailbox)[-1]


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ((b"c",), 303, ""),
        ((b"y550 5.7.1 Eicar\0",), 400, "virus scanner found something in them: letter.txt"),
        ((b"qEicar\0", b"c"), 400, "virus scanner found something in them: letter.txt"),
        ((b"d",), 400, "virus scanner found something in them: letter.txt"),
        ((b"t",), 503, "Something went wrong on our side"),
    ],
)
def test_s29_files_from_the_web_form_are_scanned_like_mail(filtering, monkeypatch, said, code, words):
    monkeypatch.setattr(forms, "MIN_SECONDS", 0)
    with odd_filter(packets(*said)) as address:
        core = filtering(f'milters = ["{address}"]\nseconds = 5')
        browser = create_app(core).test_client()
        page = browser.get("/help?lang=en").text
        hidden = {name: re.search(rf'name="{name}"[^>]*value="([^"]+)"', page)[1] for name in ("csrf_token", "shown")}
        file = (io.BytesIO(b"Dear desk"), "letter.txt")
        fields = {"kind": "other", "subject": "Hm", "text": "What is this?", "reply_to": "me@home.example"}
        answer = browser.post("/help", data={**hidden, **fields, "files": file})
        assert answer.status_code == code
        assert words in answer.text
        assert sum(tickets.count_by_state(core).values()) == (code == 303)
