"""A take-out read by another server: every folder, message, flag and keyword is there (N17).

Debian's Dovecot stands on the folder `mail/` of the Maildir form, unpacked, after the one step that its file names ask for: `!2,`
becomes `:2,`, which no system takes whose drives have a colon.
"""

import io
import os
import shlex
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
from imapclient import IMAPClient

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.accounts import accounts
from mailcore.services.transfer import takeout
from tests.machine import program
from tests.mail.zoo.animals import all_animals
from tests.mailboxes import everything, put
from tests.services.conftest import clock, core  # noqa: F401 - fixtures

pytestmark = [pytest.mark.slow, pytest.mark.interop]
IMAP = "/usr/lib/dovecot/imap"
Letters = dict[str, list[tuple[bytes, tuple[str, ...]]]]
FLAGS = (
    (),
    ("\\Seen",),
    ("\\Seen", "\\Answered", "$Forwarded"),
    ("\\Flagged", "\\Draft"),
    ("\\Deleted", "arbeid", "$Junk"),
    ("\\Seen", "$label1", "NonJunk"),
)
FOLDERS = ("INBOX", "Sent", "Arbeid", "Arbeid/Søknader", "Arbeid/Søknader/2024", "a.b", "Æ & ø", "cur", "Gammelt.mbox")


@pytest.fixture
def ola(core: Core) -> Account:  # noqa: F811
    owner = accounts.add_account(core, "ola", quota=0)
    letters = [one.octets for one in all_animals() if _is_whole(one.octets)]
    for number, octets in enumerate(letters):
        put(core, owner, FOLDERS[number % len(FOLDERS)], octets, FLAGS[number % len(FLAGS)])
    return owner


def _is_whole(octets: bytes) -> bool:
    """Every line ends with CRLF, as in all that comes by SMTP; Dovecot writes other ends anew, and takes no NUL."""
    return octets.endswith(b"\r\n") and octets.count(b"\n") == octets.count(b"\r\n") and b"\0" not in octets


class _ByPipe(IMAPClient):
    def _set_read_timeout(self) -> None:
        """Leave out: there is no socket."""


@contextmanager
def dovecot(place: Path) -> Iterator[IMAPClient]:
    """Debian's IMAP server on `place`/mail, by its standard input and output."""
    settings = place / "dovecot.conf"
    settings.write_text(
        f"mail_location = maildir:{place}/mail:LAYOUT=fs:UTF-8:INBOX={place}/mail/INBOX\nmail_home = {place}\n"
        f"base_dir = {place}\n"
        f"log_path = {place}/log\nssl = no\nstats_writer_socket_path =\nfirst_valid_uid = 1\nmaildir_stat_dirs = yes\n"
        "namespace inbox {\n inbox = yes\n separator = /\n}\n"
    )
    words = [program(IMAP), "-c", str(settings)]
    if os.getuid() == 0:
        for path, folders, files in os.walk(place):
            for one in (path, *(os.path.join(path, name) for name in (*folders, *files))):
                os.chown(one, 65534, 65534)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
    client = _ByPipe(shlex.join(["env", f"HOME={place}", "USER=nobody", *words]), ssl=False, stream=True)
    try:
        yield client
    finally:
        client.logout()
        client._imap.process.wait(60)


def unpack(core: Core, owner: Account, place: Path) -> None:  # noqa: F811
    plan = takeout.make_plan(core, owner.id, "maildir")
    with zipfile.ZipFile(io.BytesIO(b"".join(takeout.write_zip(core, owner.id, plan)))) as archive:
        archive.extractall(place)
    for file in list(place.glob("mail/**/cur/*")):
        if file.is_file():
            file.rename(file.with_name(file.name.replace("!2,", ":2,")))


def read_all(client: IMAPClient) -> Letters:
    found: Letters = {}
    for marks, _separator, name in client.list_folders():
        if b"\\NoSelect" in marks or b"\\Noselect" in marks:
            continue
        client.select_folder(name, readonly=True)
        uids = client.search(["ALL"])
        answers = client.fetch(uids, ["BODY.PEEK[]", "FLAGS"]) if uids else {}
        # a name that is reserved on disk is written as %xx
        found[unquote(name)] = sorted(
            (one[b"BODY[]"], tuple(sorted(flag.decode() for flag in one[b"FLAGS"] if flag != b"\\Recent")))
            for one in answers.values()
        )
    return found


def test_n17_another_server_finds_every_folder_message_and_flag_of_a_take_out(core: Core, ola: Account) -> None:  # noqa: F811
    ours = {
        name: sorted((octets, tuple(flags)) for octets, flags, _at in letters)
        for (name, _use), letters in everything(core, ola).items()
    }
    assert sum(map(len, ours.values())) > 300
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # not pytest's: as root the program runs as somebody else, who must get there
        unpack(core, ola, Path(folder))
        with dovecot(Path(folder)) as client:
            theirs = read_all(client)
    assert sorted(theirs) == sorted(ours)
    for name, letters in ours.items():
        assert theirs[name] == letters, name
