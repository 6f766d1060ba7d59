"""ENVELOPE and BODYSTRUCTURE of the zoo beside Debian's Dovecot, which runs without a network, on a Maildir of all animals.

Where we differ the animal says why: `? ours envelope: reason`, `? ours bodystructure: reason`, by a section of an RFC.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcore.mail.asking.derived import derive
from mailcore.mail.reading.message import Message
from tests.machine import program
from tests.mail.zoo.animals import Animal, all_animals
from tests.mail.zoo.keeper import Door

pytestmark = [pytest.mark.slow, pytest.mark.interop]
IMAP = "/usr/lib/dovecot/imap"
_TOKEN = re.compile(rb'\s*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\+?\}\r\n|([^\s()"{]+))', re.DOTALL)


def parsed(octets: bytes, at: int = 0) -> tuple[Any, int]:
    """The next value of an IMAP response, and where it ends: lists, strings in lower case as octets, None for NIL."""
    found = _TOKEN.match(octets, at)
    assert found, octets[at : at + 60]
    if found[1]:
        values, at = [], found.end()
        while not (end := re.compile(rb"\s*\)").match(octets, at)):
            value, at = parsed(octets, at)
            values.append(value)
        return values, end.end()
    if found[4]:
        size = int(found[4])
        return octets[found.end() : found.end() + size].lower(), found.end() + size
    if found[5]:
        return None if found[5].upper() == b"NIL" else found[5].lower(), found.end()
    return re.sub(rb"\\(.)", rb"\1", found[3]).lower(), found.end()


def normal(value: Any) -> Any:
    """Whatever folds left within a string is one blank; Dovecot's words for what an address lacks are nothing."""
    if isinstance(value, list):
        return [normal(one) for one in value]
    if value in (b"missing_domain", b"missing_mailbox", b"syntax_error"):
        return b""
    return b" ".join(value.split()) if isinstance(value, bytes) else value


@pytest.fixture(scope="module")
def dovecot() -> Iterator[list[tuple[Any, Any]]]:
    """ENVELOPE and BODYSTRUCTURE of every animal, in order."""
    program(IMAP)
    # not pytest's: as root the tool runs as somebody else, who must get there
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for kind in ("cur", "new", "tmp"):
            (place / "mail" / kind).mkdir(parents=True)
        for number, animal in enumerate(all_animals()):
            (place / "mail" / "cur" / f"{number + 1:06}.zoo:2,S").write_bytes(animal.octets)
        settings = place / "dovecot.conf"
        settings.write_text(
            f"mail_location = maildir:{place}/mail\nmail_home = {place}\nbase_dir = {place}\nlog_path = {place}/log\nssl = no\n"
            "stats_writer_socket_path =\nfirst_valid_uid = 1\n"
        )
        words = [IMAP, "-c", str(settings)]
        if os.getuid() == 0:
            for path, _folders, files in os.walk(place):
                for one in (path, *(os.path.join(path, file) for file in files)):
                    os.chown(one, 65534, 65534)
            words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
        said = b"a SELECT INBOX\r\nb FETCH 1:* (UID ENVELOPE BODYSTRUCTURE)\r\nc LOGOUT\r\n"
        environment = {"USER": "nobody", "HOME": folder, "PATH": os.environ["PATH"]}
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as imap:
            assert imap.stdin
            assert imap.stdout
            imap.stdin.write(said)
            imap.stdin.flush()  # and left open: it goes at the end of its input, whatever it has yet to say
            lines = []
            for line in imap.stdout:
                lines.append(line)
                if line.startswith(b"c OK"):
                    break
        told = b"".join(lines)
        found: dict[int, tuple[Any, Any]] = {}
        for begin in re.finditer(rb"^\* \d+ FETCH (?=\(UID)", told, re.MULTILINE):
            (_uid, uid, _envelope, envelope, _body, body), _end = parsed(told, begin.end())
            found[int(uid)] = envelope, body
        assert sorted(found) == list(range(1, len(all_animals()) + 1)), told[-500:]
        yield [found[uid] for uid in sorted(found)]


def ours(animal: Animal) -> tuple[Any, Any]:
    derived = derive(Message(animal.octets))
    return parsed(derived.envelope)[0], parsed(derived.structure)[0]


def test_envelope_and_bodystructure_are_dovecots_or_ours_right_by_a_cited_section(dovecot) -> None:
    door = Door("dovecot")
    for animal, theirs in zip(all_animals(), dovecot, strict=True):
        with door.animal(animal.id):
            for name, mine, its in zip(("envelope", "bodystructure"), ours(animal), theirs, strict=True):
                same = normal(mine) == normal(its)
                reason = f"ours {name}" in animal.right
                if not same and not reason:
                    door.complain(animal.id, f"{name}: ours {mine!r}\n      theirs {its!r}"[:900])
                if same and reason:
                    door.complain(animal.id, f"{name} agrees; its reason can go")
    door.close()
