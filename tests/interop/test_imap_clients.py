"""Real clients against the real server: IMAPClient, imapflow, mbsync, offlineimap, mutt, curl (S17a)."""

import json
import os
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.journeys.conftest import PASSWORD, House, build, sink
from tests.machine import program

__all__ = ["build", "sink"]  # the fixtures
pytestmark = [pytest.mark.interop, pytest.mark.slow]
MAIL = "From: kari@x.example\r\nSubject: {}\r\nMessage-ID: <{}@x.example>\r\nDate: Tue, 24 Nov 2026 12:00:00 +0100\r\n\r\n{}\r\n"
NODE = Path(__file__).parents[2] / ".venv" / "interop"  # where tools/npm-packages puts them


@pytest.fixture
def house(build) -> House:
    made = build(workers=0)
    made.run("user", "add", "ola", "--password-stdin", given=PASSWORD + "\n")
    return made


def authority(house: House) -> Path:
    return house.folder / "var" / "tls" / "ca.pem"


def client(house: House) -> IMAPClient:
    trust = ssl.create_default_context(cafile=str(authority(house)))
    made = IMAPClient("127.0.0.1", port=house.ports["imaps"], ssl_context=trust, timeout=60)
    made.login("ola", PASSWORD)
    return made


def fill(house: House, *subjects: str, mailbox: str = "INBOX") -> None:
    with client(house) as mine:
        for subject in subjects:
            mine.append(mailbox, MAIL.format(subject, subject, f"text of {subject}"))


def test_s17a_imapclient(house):
    with client(house) as mine:
        mine.create_folder("Blåbær/Rømme")
        assert "Blåbær/Rømme" in [name for _, _, name in mine.list_folders()]
        for number in range(3):
            mine.append("Blåbær/Rømme", MAIL.format(f"n{number}", number, "hei"), flags=["$Work"])
        assert mine.select_folder("Blåbær/Rømme")[b"EXISTS"] == 3
        assert mine.search(["SUBJECT", "n1"]) == [2]
        assert mine.sort("REVERSE SUBJECT") == [3, 2, 1]
        assert mine.thread() != []
        assert mine.fetch([2], ["ENVELOPE", "BODYSTRUCTURE", "MODSEQ"])[2][b"ENVELOPE"].subject == b"n1"
        assert mine.set_flags([1], [b"\\Deleted"]) == {1: (b"\\Deleted", b"\\Recent")}
        mine.uid_expunge([1])
        mine.move([2], "Archive")
        assert mine.folder_status("Archive", ["MESSAGES"]) == {b"MESSAGES": 1}
        assert mine.get_quota()[0].limit > 0
        assert mine.find_special_folder(b"\\Sent") == "Sent"
        mine.idle()
        with client(house) as other:
            other.append("Blåbær/Rømme", MAIL.format("new", "new", "x"))
        assert any(b"EXISTS" in heard for heard in mine.idle_check(timeout=60))
        mine.idle_done()
        mine.unselect_folder()
        mine.rename_folder("Blåbær", "Old")
        mine.delete_folder("Old/Rømme")


def test_s17a_imapflow(house):
    node = program("node")
    if not (NODE / "node_modules" / "imapflow").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs imapflow (tools/npm-packages)")
    script = Path(__file__).parent / "imapflow.mjs"
    done = subprocess.run(
        [node, str(script), str(house.ports["imaps"]), "ola", PASSWORD],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["path"] == "Prosjekt/Blåbær & rømme"
    assert seen["subject"] == "Smør"
    assert seen["mailbox"] == {"exists": 1, "id": True, "modseq": True}
    assert (seen["found"], seen["copied"], seen["moved"], seen["left"]) == ([1], 1, True, 0)
    assert seen["special"] == ["\\Archive", "\\Drafts", "\\Inbox", "\\Junk", "\\Sent", "\\Trash"]
    assert seen["status"] == {"messages": 1, "unseen": 0}
    assert seen["emailId"]


def test_s17a_curl(house, tmp_path):
    url = f"imaps://localhost:{house.ports['imaps']}"
    base = [program("curl"), "-sS", "--cacert", str(authority(house)), "-u", f"ola:{PASSWORD}"]

    def curl(*words: str) -> str:
        done = subprocess.run([*base, *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    letter = tmp_path / "letter"
    letter.write_bytes(MAIL.format("by curl", "c", "hello curl").encode())
    curl("-T", str(letter), f"{url}/Drafts")
    assert '"Drafts"' in curl(f"{url}/")
    assert "hello curl" in curl(f"{url}/Drafts/;MAILINDEX=1")
    assert curl(f"{url}/Drafts?SUBJECT%20curl").strip() == "* SEARCH 1"
    assert "* STATUS" in curl(f"{url}/", "-X", "STATUS Drafts (MESSAGES)")


def test_s17a_mbsync_in_both_directions(house, tmp_path):
    fill(house, "one", "two")
    rc = tmp_path / "rc"
    rc.write_text(
        f'IMAPStore there\nHost localhost\nPort {house.ports["imaps"]}\nUser ola\nPass "{PASSWORD}"\nSSLType IMAPS\n'
        f"CertificateFile {authority(house)}\n\nMaildirStore here\nPath {tmp_path}/mail/\nInbox {tmp_path}/mail/INBOX\n"
        "SubFolders Verbatim\n\nChannel all\nFar :there:\nNear :here:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
    )
    (tmp_path / "mail").mkdir()

    def sync() -> None:
        done = subprocess.run([program("mbsync"), "-c", str(rc), "-a"], capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr

    sync()
    inbox = tmp_path / "mail" / "INBOX"
    assert len([*inbox.glob("new/*"), *inbox.glob("cur/*")]) == 3
    fresh = tmp_path / "mail" / "Archive" / "new" / "1.fresh.host"
    fresh.write_text(MAIL.format("from here", "h", "local").replace("\r", ""))
    with client(house) as mine:
        mine.select_folder("INBOX")
        mine.delete_messages(mine.search(["SUBJECT", "one"]))
        mine.expunge()
    sync()
    assert len([*inbox.glob("new/*"), *inbox.glob("cur/*")]) == 2
    with client(house) as mine:
        assert mine.folder_status("Archive", ["MESSAGES"]) == {b"MESSAGES": 1}


def test_s17a_offlineimap(house, tmp_path):
    fill(house, "first", "second")
    rc = tmp_path / "rc"
    rc.write_text(
        f"[general]\naccounts = a\nmetadata = {tmp_path}/meta\nui = basic\n[Account a]\nlocalrepository = l\n"
        "remoterepository = r\n"
        f"[Repository l]\ntype = Maildir\nlocalfolders = {tmp_path}/mail\n[Repository r]\ntype = IMAP\nremotehost = localhost\n"
        f"remoteport = {house.ports['imaps']}\nremoteuser = ola\nremotepass = {PASSWORD}\nssl = yes\n"
        f"sslcacertfile = {authority(house)}\nauth_mechanisms = PLAIN\n"
    )
    done = subprocess.run([program("offlineimap"), "-o", "-c", str(rc)], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [*(tmp_path / "mail" / "INBOX").glob("*/*")]
    assert len(found) == 3
    assert any("text of second" in path.read_text() for path in found)


def test_s17a_mutt_reads_flags_and_deletes(house, tmp_path):
    fill(house, "keep", "drop")
    rc = tmp_path / "muttrc"
    rc.write_text(
        f"set folder={tmp_path}\nset imap_user=ola\n"
        f'set imap_pass="{PASSWORD}"\nset ssl_ca_certificates_file={authority(house)}\n'
        f"set certificate_file={authority(house)}\nset delete=yes\nset move=no\nset timeout=5\nset header_cache=\n"
        "set ssl_starttls=no\nunset confirmappend\n"
    )
    keys = (
        "<limit>~s drop<enter><first-entry><delete-message><limit>all<enter>"
        "<search>~s keep<enter><flag-message><sync-mailbox><quit>"
    )
    command = f"{program('mutt')} -F {rc} -f imaps://localhost:{house.ports['imaps']}/INBOX -e 'push \"{keys}\"'"
    terminal, ours = os.pipe()  # open to the end: for mutt the end of input is a key
    done = subprocess.run(
        [program("script"), "-qec", command, "/dev/null"],
        stdin=terminal,
        capture_output=True,
        timeout=180,
        env={**os.environ, "TERM": "xterm", "HOME": str(tmp_path), "COLUMNS": "100", "LINES": "40"},
    )
    os.close(ours)
    os.close(terminal)
    assert done.returncode == 0, done.stdout[-500:]
    time.sleep(0.2)
    with client(house) as mine:
        mine.select_folder("INBOX")
        assert mine.search(["SUBJECT", "drop"]) == []
        assert len(mine.search(["SUBJECT", "keep", "FLAGGED"])) == 1
