"""Whatever strangers put into a message or an envelope, it opens no field in what we write because of it.

Each value is tried in every place from which we take words: replies of the out-of-office script, notices, reports of
delivery, forwarded copies with a From of ours, answers to tickets, our own trace fields.
"""

import asyncio
import re
import secrets

import pytest

from mailcore import core as cores
from mailcore.domain import Disposition, Dsn, Envelope, Verdict
from mailcore.mail.reading import header
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import digest, forwarding
from mailcore.services.sieve_scripts import filters
from mailcore.store.queue.items import list_items, read_octets
from tests.smtp_talk import build

LINE_ENDS = re.compile(rb"\r\n|\r|\n")
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
BAD = b"X-Evil: 1"

VALUES = {
    "encoded CRLF": b"=?utf-8?q?x=0D=0AX-Evil:_1?=",
    "encoded LF": b"=?utf-8?q?x=0AX-Evil:_1?=",
    "encoded CR": b"=?utf-8?b?eA1YLUV2aWw6IDE=?=",
    "encoded LF in Latin 1": b"=?iso-8859-1?q?=E6=0AX-Evil:_1?=",
    "encoded LF in UTF-16": b"=?utf-16be?b?AHgACgBYAC0ARQB2AGkAbAA6ACAAMQ==?=",
    "two words": b"=?utf-8?q?x=0D?= =?utf-8?q?=0AX-Evil:_1?=",
    "quoted": b'"=?utf-8?q?x=0D=0AX-Evil:_1?="',
    "folded": b"x\r\n X-Evil: 1\r\n\tX-Evil: 1",
    "other line ends": b"x\x0bX-Evil: 1\x0cX-Evil: 1\xc2\x85X-Evil: 1\xe2\x80\xa8X-Evil: 1\x1eX-Evil: 1",
    "long": b"x" * 900 + b"\r\n " + b"y" * 900 + b" X-Evil: 1",
    "not UTF-8": b"\xff\xfe\x0d\x80X-Evil: 1".replace(b"\r", b""),
    "braces": b"${env} %0D%0AX-Evil: 1 {subject} {0}",
}
SCRIPT = """require ["vacation", "enotify", "variables"];
if header :matches "subject" "*" { set "s" "${1}"; }
if header :matches "from" "*" { set "f" "${1}"; }
notify :message "${s} ${f}" "mailto:me@home.example";
vacation :subject "Re: ${s}" "away: ${s}";
keep;"""


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("house"), names=("ola", "kari", "turid"))
    kari = accounts.find_account(built, "kari").id
    filters.put_script(built, kari, "own", SCRIPT)
    filters.set_active_script(built, kari, "own")
    forwarding.set_forwarding(
        built, accounts.find_account(built, "ola").id, "ola@home.example", copy=True, confirmed=True
    )
    accounts.set_quota(built, "turid", 10)
    yield built
    cores.close(built)


def message(value: bytes) -> bytes:
    return (
        b"From: "
        + value
        + b" <a@b.example>\r\nTo: kari@alumni.example, ola@alumni.example\r\nSubject: "
        + value
        + b"\r\nMessage-ID: <1"
        + value
        + b"@b.example>\r\nReferences: <"
        + value
        + b">\r\nReply-To: "
        + value
        + b" <a@b.example>\r\nList-Id: "
        + value
        + b"\r\nDate: "
        + value
        + b"\r\n\r\n"
        + value
        + b"\r\n"
    )


def written(core) -> list[bytes]:
    """Everything that was stored or queued."""

    def read(tx):
        queued = [read_octets(tx, core.blobs, item) for item in list_items(tx)]
        boxes = [
            core.mail.mailbox(tx, accounts.find_account(core, name).id, "INBOX").id for name in ("ola", "kari", "turid")
        ]
        return queued + [core.mail.octets(tx, box, uid) for box in boxes for uid in core.mail.uids(tx, box)]

    return core.db.read(read)


async def deliver(core, name: str, octets: bytes, word: str, verdict: Verdict) -> None:
    address = f"{name}@alumni.example"
    found = await core.db.aread(lambda tx: recipients.check_recipient(core, tx, address, None))
    asked = {address: Dsn("SUCCESS,FAILURE", "FULL", f"rfc822;{word}", word)}
    envelope = Envelope(f"a{secrets.token_hex(4)}@b.example", (address,), "192.0.2.1", word, dsn=asked)
    await delivery.accept(core, envelope, [found], octets, b"", verdict)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_value_opens_a_field(core, value):
    octets, before = message(value), set(written(core))
    theirs = set(octets.split(b"\r\n"))
    passes = Verdict(author="b.example", spf="pass", dmarc="pass", policy="reject", spf_aligned=True, outside=True)
    spoofed = Verdict(
        author="b.example", spf="pass", dmarc="fail", policy="reject", outside=True, disposition=Disposition.JUNK
    )
    for name in ("kari", "ola", "help", "abuse"):
        asyncio.run(deliver(core, name, octets, value.decode("utf-8", "replace"), passes))
    asyncio.run(deliver(core, "ola", octets, "x", spoofed))
    digest.send_digests(core)
    new = set(written(core)) - before
    for sign in (b"Auto-Submitted: auto-replied", b"Auto-Submitted: auto-notified", b"Action: delivered"):
        assert any(sign in one for one in new), sign
    authors = [name for one in new for name in header.values(header.split(one)[0], "from")]
    assert any("via Alumnimail" in name for name in authors)
    for whole in new:
        head = whole.partition(b"\r\n\r\n")[0]
        assert not [line for line in LINE_ENDS.split(head) if line.startswith(BAD)], head
        for line in head.split(b"\r\n"):
            if line not in theirs and not line.startswith(b"X-Original-From: "):
                assert not CONTROL.search(line), head
                assert len(line) <= 998
