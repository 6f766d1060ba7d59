"""Scripts on what happens in mailboxes (RFC 6785), through IMAP and through the webmail's moves."""

import asyncio
from dataclasses import replace

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.mail.reading import header
from mailcore.services.accounts import accounts
from mailcore.services.mailauth import dkim_keys
from mailcore.services.sieve_scripts import filters
from mailcore.services.webmail import mail_actions
from mailcore.store.mail import annotations, flags
from mailcore.store.queue.items import list_items, read_octets
from tests.protocol.test_transcripts import Player

MESSAGE = b"From: kari@outside.example\r\nSubject: hei\r\n\r\nbody\r\n"
LOGIN = b'a LOGIN ola "en lang hemmelighet"\r\n'


@pytest.fixture
def core(tmp_path):
    built = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n'))
    yield built
    cores.close(built)


@pytest.fixture
def ola(core):
    account = accounts.add_account(core, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet").id
    core.db.write(lambda tx: tx.run("DELETE FROM queue"))
    core.db.write(lambda tx: tx.run("DELETE FROM message"))
    core.db.write(lambda tx: tx.run("UPDATE mailbox SET messages=0, unseen=0"))
    return account


def script(core, ola, source: str) -> None:
    filters.put_script(
        core, ola, "on change", 'require ["imapsieve", "environment", "imap4flags", "fileinto", "copy"];' + source
    )


def contents(core, ola, box: str) -> list[tuple]:
    where = "FROM message m JOIN mailbox b ON b.id=m.mailbox WHERE b.account_id=? AND b.name=? ORDER BY m.uid"
    return core.db.read(lambda tx: tx.rows(f"SELECT m.flags, m.keywords {where}", ola, box))


def say(core, *lines: bytes) -> list[str]:
    async def play() -> list[str]:
        player, heard = Player(core, "imap"), []
        await player.said()
        for line in (LOGIN, *lines):
            heard += await player.said(line)
        player.stop()
        return heard

    return asyncio.run(play())


APPEND = b"b APPEND INBOX {%d+}\r\n%s\r\n" % (len(MESSAGE), MESSAGE)
NAME = b's SETMETADATA "%s" (/shared/imapsieve/script "on change")\r\n'


def test_a_script_marks_what_is_moved_to_junk(core, ola):
    script(
        core,
        ola,
        """
        if environment "imap.cause" "COPY" { if environment "imap.mailbox" "Junk" { addflag ["$Junk", "\\\\Seen"]; } }
    """,
    )
    heard = say(core, NAME % b"Junk", APPEND, b"c SELECT INBOX\r\n", b"d MOVE 1 Junk\r\n")
    assert any(line.startswith("s OK") for line in heard)
    [(bits, keywords)] = contents(core, ola, "Junk")
    assert bits & flags.SEEN
    assert "$Junk" in keywords


def test_the_webmail_s_moves_count_too(core, ola):
    script(core, ola, 'addflag "$Moved";')
    core.db.write(lambda tx: annotations.save_entry(tx, ola, 0, "/shared/imapsieve/script", b"on change"))
    say(core, APPEND)
    uids = core.db.read(lambda tx: core.mail.uids(tx, core.mail.mailbox(tx, ola, "INBOX").id))
    mail_actions.apply_action(core, ola, "INBOX", uids, "move", "Archive")
    [(_, keywords)] = contents(core, ola, "Archive")
    assert "$Moved" in keywords


def test_append_and_flag_are_causes_and_flags_are_told(core, ola):
    script(
        core,
        ola,
        """
        if environment "imap.cause" "APPEND" { addflag "$New"; }
        elsif allof (environment "imap.cause" "FLAG", environment :contains "imap.changedflags" "Flagged",
                     environment "imap.user" "ola", environment "location" "MS", environment "phase" "post")
        { fileinto :copy "Archive"; }
    """,
    )
    say(core, NAME % b"", APPEND, b"c SELECT INBOX\r\n", b"d STORE 1 +FLAGS (\\Flagged)\r\n")
    assert "$New" in contents(core, ola, "INBOX")[0][1]
    assert len(contents(core, ola, "Archive")) == 1


def test_what_is_filed_elsewhere_or_discarded_is_marked_deleted(core, ola):
    script(core, ola, 'if header "subject" "hei" { fileinto "Archive"; }')
    say(core, NAME % b"INBOX", APPEND)
    assert contents(core, ola, "INBOX")[0][0] & flags.DELETED
    assert len(contents(core, ola, "Archive")) == 1


def test_a_script_that_fails_changes_nothing_and_is_told(core, ola):
    filters.put_script(core, ola, "on change", 'require "ihave"; error "no";')
    say(core, NAME % b"INBOX", APPEND)
    assert contents(core, ola, "INBOX") == [(0, "")]
    assert core.db.read(lambda tx: tx.row("SELECT origin FROM queue")) == ("notice",)


def test_without_a_script_nothing_happens(core, ola):
    say(core, NAME % b"INBOX", APPEND)
    assert contents(core, ola, "INBOX") == [(0, "")]


def test_only_the_script_s_name_is_written_below_shared(core, ola):
    heard = say(core, b's SETMETADATA "INBOX" (/shared/comment "x")\r\n')
    assert heard[-1].startswith("s NO [NOPERM]")
    assert any("IMAPSIEVE=sieve://" in line for line in heard)


@pytest.mark.parametrize("author", [b"kari@outside.example", b"ola@alumni.example"])
def test_what_a_script_sends_on_is_mail_of_its_owner(core, ola, author):
    """Nobody checks the author of a message in a mailbox, so anybody's name could be sent from here."""
    dkim_keys.ensure_keys(core.config)
    script(core, ola, 'redirect :copy "friend@far.example";')
    message = MESSAGE.replace(b"kari@outside.example", author)
    say(core, NAME % b"INBOX", b"b APPEND INBOX {%d+}\r\n%s\r\n" % (len(message), message))
    [item] = core.db.read(list_items)
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, item))
    assert item.sender == "ola@alumni.example"
    assert octets.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=alumni.example;")
    assert [
        value for value in header.raw_values(header.split(octets)[0], "from") if b"<ola@alumni.example>" not in value
    ] == ([b"ola@alumni.example"] if author.startswith(b"ola") else [])


def test_what_a_script_sends_on_counts_as_sending(core, ola):
    script(core, ola, 'redirect :copy "friend@far.example";')
    limited = replace(core, config=replace(core.config, limits=replace(core.config.limits, submissions_per_hour=2)))
    say(limited, NAME % b"INBOX", *[APPEND] * 4)
    assert len(core.db.read(list_items)) == 2
    assert len(contents(core, ola, "INBOX")) == 4
