"""An independent reader of mbox files: Dovecot's, of what we write and of what other programs do.

It leaves `>From ` as it stands in the file, and takes octets without line ends as they come; nothing else is overlooked.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailcore.mail.moving import mbox
from tests.machine import program
from tests.unit.test_mbox import CUT, lines_of, written

pytestmark = [pytest.mark.slow, pytest.mark.interop]
Read = Callable[[bytes], list[dict[str, str]]]

# Files that Dovecot reads otherwise, each with the reason.
OTHERWISE = {
    "a dated line of a text": "it begins a message at every From line with a date",
    "a From line in a text": "it begins a message at every From line with a date",
    "thunderbird, lone": "it wants a date in every From line",
    "thunderbird, nothing": "it wants a date in every From line",
    "lone, no blank lines": "it wants a date in every From line",
    "crlf, lone": "it wants a date in every From line",
    "odd date": "it wants a date in every From line",
    "no sender": "it wants a sender, too",
    "mailman": "its senders have no blanks",
    "cr": "its lines end with LF",
    "utf-8 mark": "it knows no such mark",
    "blank lines first": "it wants a From line first",
    "a line twice": "it takes the second line for the header's first",
    "a line twice, quoted": "the same",
    "the field From quoted": "it takes away no quotes, and one of the header belongs to no field",
}


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Read]:
    """Reads a file there: flags, time and text of its messages."""
    tool = program("doveadm")
    folder = tempfile.TemporaryDirectory()  # not pytest's: as root the tool runs as somebody else, who must get there
    place = Path(folder.name)
    who = "mail_uid = nobody\nmail_gid = nogroup\n" if os.getuid() == 0 else ""
    settings, file = place / "dovecot.conf", place / "inbox"
    settings.write_text(
        f"mail_location = mbox:{place}/mail:INBOX={file}\nmail_home = {place}\nbase_dir = {place}\nstats_writer_socket_path =\n"
        f"first_valid_uid = 1\n{who}"
    )

    def read(octets: bytes) -> list[dict[str, str]]:
        subprocess.run(["rm", "-rf", str(place / "mail")], check=True)
        (place / "mail").mkdir()
        file.unlink(missing_ok=True)
        file.write_bytes(octets)
        for path, mode in ((place, 0o777), (settings, 0o644), (file, 0o444), (place / "mail", 0o777)):
            path.chmod(mode)
        words = [
            tool,
            "-c",
            str(settings),
            "-f",
            "json",
            "fetch",
            "flags date.received text",
            "mailbox",
            "INBOX",
            "all",
        ]
        user = "nobody" if os.getuid() == 0 else os.environ.get("USER", "nobody")
        done = subprocess.run(
            words,
            capture_output=True,
            cwd=place,
            env={"USER": user, "TZ": "UTC", "PATH": os.environ["PATH"]},
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.decode("utf-8", "replace"))

    yield read
    folder.cleanup()


OURS = [
    (
        b"Subject: x\r\n\r\nFrom here\r\n>From there\r\n\r\n\r\n",
        {"\\Seen", "\\Flagged", "$Work", "a"},
        b"kari@x.example",
    ),
    (
        b"Subject: y\r\nStatus: own\r\n\r\nFrom a@b Tue Nov 24 10:00:00 2026\r\nend",
        {"\\Deleted", "\\Draft"},
        b"a\tb\r\nc (d)",
    ),
    (b"Return-Path: <ann@example.net>\t(kept)\r\nSubject: z\r\n\r\n", {"\\Answered"}, b"\xff"),
    (b"\r\nno header\r\n", set(), b""),
]


def test_it_finds_our_messages_flags_and_times(dovecot: Read) -> None:
    times = [datetime(2001, 2, 3, 4, 5, number, tzinfo=UTC) for number in range(len(OURS))]
    file = b"".join(
        written(octets, flags, sender, at=at) for (octets, flags, sender), at in zip(OURS, times, strict=True)
    )
    found = dovecot(file)
    assert [one["date.received"] for one in found] == [f"{at:%Y-%m-%d %H:%M:%S}" for at in times]
    assert [set(one["flags"].split()) - {"\\Recent"} for one in found] == [
        {flag for flag in flags if flag.startswith("\\")} for _octets, flags, _sender in OURS
    ]
    for one, (octets, _flags, _sender) in zip(found, OURS, strict=True):
        assert _bare(one["text"]) == _bare(octets.decode())


@pytest.mark.parametrize("name", [name for name in CUT if name not in OTHERWISE])
def test_it_cuts_files_of_others_where_we_do(dovecot: Read, name: str) -> None:
    file, _messages = CUT[name]
    theirs = [one["text"] for one in dovecot(file)]
    ours = [found.octets.decode() for found in mbox.read(lines_of(file), 10**6) if found]
    assert [_bare(text) for text in ours] == [_bare(text) for text in theirs]


def _bare(text: str) -> str:
    """Without what the two keep or leave out by their own rules."""
    fields = "X-GM-THRID|X-Gmail-Labels|X-Mozilla-Keys|Content-Length|X-UID|X-Alumnimail|Status"
    text = re.sub(rf"(?m)^({fields}):.*\n", "", text.replace("\r", ""))
    return re.sub(r"(?m)^>+(?=From )", "", text).strip()


@pytest.mark.parametrize("name", OTHERWISE)
def test_where_it_reads_otherwise_it_still_does(dovecot: Read, name: str) -> None:
    try:
        found = dovecot(CUT[name][0])
    except AssertionError:
        return  # it refuses the file
    assert len(found) != len(CUT[name][1]) or [one["text"].strip() for one in found] != [
        message.decode().replace("\r", "").strip() for message in CUT[name][1]
    ]
