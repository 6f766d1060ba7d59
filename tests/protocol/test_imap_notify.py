"""Unsolicited responses of IDLE and NOTIFY, over real sockets, with changes by another process."""

import asyncio

import pytest

from mailcore import core as cores
from mailcore.errors import Busy
from mailcore.services.accounts import accounts
from tests.protocol.test_imap_server import Client, core, put, run

__all__ = ["core"]  # the fixture

LOGIN = b'LOGIN ola "en lang hemmelighet"'


@pytest.fixture
def other(core):
    """The same mail store as another process sees it: nothing is shared but the database."""
    built = cores.build(core.config)
    yield built
    cores.close(built)


def test_changes_of_another_process_reach_idle(core, other):
    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(LOGIN)
        await client.command(b"SELECT INBOX")
        client.writer.write(b"i IDLE\r\n")
        await client.line()
        await asyncio.to_thread(put, other, 1)
        assert await client.line() == b"* 2 EXISTS\r\n"

    run(core, play)


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (b"SELECT INBOX", b"* 2 EXISTS\r\n"),
        (
            b"NOTIFY SET (personal (MessageNew MessageExpunge))",
            b'* STATUS "INBOX" (UIDNEXT 3 MESSAGES 2 HIGHESTMODSEQ 3)\r\n',
        ),
    ],
)
def test_news_that_could_not_be_read_are_told_the_next_time(core, monkeypatch, before, told):
    read, failed = core.db.aread, []

    async def busy(fn):
        if failed:
            return await read(fn)
        failed.append(fn)
        raise Busy("for a moment")

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(LOGIN)
        await client.command(before)
        monkeypatch.setattr(core.db, "aread", busy)
        await asyncio.to_thread(put, core, 1)
        heard = await client.command(b"NOOP")
        assert failed
        assert told in heard + await client.command(b"NOOP")

    run(core, play)


def test_a_keyword_stands_in_flags_before_it_is_told_of_a_message(core):
    """Also one that came with a message of others, and is first told in the answer to STORE."""
    prepared = core.blobs.prepare(b"Subject: x\r\n\r\nhei\r\n")
    ola = accounts.find_account(core, "ola").id

    def arrive(tx):
        box = core.mail.mailbox(tx, ola, "INBOX")
        core.mail.append(tx, ola, box.id, prepared, frozenset({"$Label1"}), core.clock.now())

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(LOGIN)
        await client.command(b"SELECT INBOX")
        await asyncio.to_thread(core.db.write, arrive)
        assert b"* 2 EXISTS\r\n" in await client.command(b"NOOP")
        assert await client.command(b"STORE 2 +FLAGS (\\Seen $Other)") == [
            b"* FLAGS ($Label1 $Other \\Answered \\Deleted \\Draft \\Flagged \\Seen)\r\n",
            b"* 2 FETCH (FLAGS ($Label1 $Other \\Recent \\Seen))\r\n",
            b"t OK Done\r\n",
        ]

    run(core, play)


def test_notify_tells_of_other_mailboxes_between_commands(core, other):
    ola = accounts.find_account(core, "ola").id
    write = lambda work: asyncio.to_thread(other.db.write, work)  # noqa: E731

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(LOGIN)
        heard = await client.command(
            b"NOTIFY SET STATUS (mailboxes INBOX (MessageNew MessageExpunge FlagChange))"
            b" (personal (MailboxName SubscriptionChange))"
        )
        assert heard[0].startswith(b'* STATUS "INBOX" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY ')
        assert heard[0].endswith(b" UNSEEN 1 HIGHESTMODSEQ 2)\r\n")
        assert len(heard) == 2
        await asyncio.to_thread(put, other, 1)
        box = other.db.read(lambda tx: other.mail.mailbox(tx, ola, "INBOX"))
        inbox, valid = box.id, b"UIDVALIDITY %d" % box.uidvalidity
        assert await client.line() == b'* STATUS "INBOX" (UIDNEXT 3 MESSAGES 2 UNSEEN 2 %s HIGHESTMODSEQ 3)\r\n' % valid
        await write(lambda tx: other.mail.set_flags(tx, inbox, [(1, 1)], "add", frozenset({"\\Seen"})))
        assert await client.line() == b'* STATUS "INBOX" (UNSEEN 1 %s HIGHESTMODSEQ 4)\r\n' % valid
        await write(lambda tx: other.mail.create(tx, ola, "Work/Søk"))
        assert [await client.line(), await client.line()] == [
            b'* LIST (\\Subscribed) "/" "Work"\r\n',
            b'* LIST (\\Subscribed) "/" "Work/S&APg-k"\r\n',
        ]
        await write(lambda tx: other.mail.rename(tx, ola, "Work/Søk", "Found"))
        assert await client.line() == b'* LIST (\\Subscribed) "/" "Found" ("OLDNAME" ("Work/S&APg-k"))\r\n'
        await write(lambda tx: other.mail.subscribe(tx, ola, "Found", False))
        assert await client.line() == b'* LIST () "/" "Found"\r\n'
        await write(lambda tx: other.mail.delete(tx, ola, "Found"))
        assert await client.line() == b'* LIST (\\NonExistent) "/" "Found"\r\n'
        await client.command(b"NOTIFY NONE")
        await asyncio.to_thread(put, other, 1)
        assert await client.command(b"NOOP") == [b"t OK Done\r\n"]

    run(core, play)


def test_notify_tells_of_the_selected_mailbox_between_commands(core, other):
    async def play(imaps, _):
        at_once, delayed = [await Client.connect(imaps, tls=True) for _ in range(2)]
        for client, how in ((at_once, b"selected"), (delayed, b"selected-delayed")):
            await client.command(LOGIN)
            await client.command(b"NOTIFY SET (" + how + b" (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
            await client.command(b"SELECT INBOX")
        await asyncio.to_thread(put, other, 1)
        for client in (at_once, delayed):
            assert await client.line() == b"* 2 EXISTS\r\n"
            assert await client.line() == b"* 2 FETCH (UID 2 FLAGS ())\r\n"
        ola = accounts.find_account(core, "ola").id
        inbox = other.db.read(lambda tx: other.mail.mailbox(tx, ola, "INBOX")).id

        def remove(tx):
            other.mail.expunge(tx, inbox, [(1, 1)], only_deleted=False)
            other.mail.set_flags(tx, inbox, [(2, 2)], "add", frozenset({"\\Flagged"}))

        await asyncio.to_thread(other.db.write, remove)
        assert await at_once.line() == b"* 2 FETCH (FLAGS (\\Flagged))\r\n"
        assert await at_once.line() == b"* 1 EXPUNGE\r\n"
        assert await delayed.line() == b"* 2 FETCH (FLAGS (\\Flagged))\r\n"
        assert await delayed.command(b"FETCH 1:2 UID") == [b"* 2 FETCH (UID 2)\r\n", b"t OK Done\r\n"]
        assert await delayed.command(b"NOOP") == [b"* 1 EXPUNGE\r\n", b"t OK Done\r\n"]

    run(core, play)


def test_a_mailbox_that_another_client_deletes_is_told_as_emptied(core):
    async def play(imaps, _):
        one, two = [await Client.connect(imaps, tls=True) for _ in range(2)]
        for client in (one, two):
            await client.command(LOGIN)
        await one.command(b"CREATE Gone")
        one.writer.write(b"t APPEND Gone {12+}\r\nSubject: x\r\n\r\n")
        assert b"APPENDUID" in await one.line()
        await one.command(b"SELECT Gone")
        await two.command(b"DELETE Gone")
        await two.command(b"CREATE Other")
        one.writer.write(b"t NOOP\r\n")
        assert [await one.line() for _ in range(3)] == [b"* 1 EXPUNGE\r\n", b"* 0 RECENT\r\n", b"t OK Done\r\n"]
        assert await one.command(b"FETCH 1:* FLAGS") == [b"t BAD there is no message of that number\r\n"]
        assert (await one.command(b"EXPUNGE"))[-1].startswith(b"t ")
        assert (await one.command(b"SELECT INBOX"))[-1].startswith(b"t OK")

    run(core, play)


def test_one_command_works_on_so_many_messages_and_says_so(core, monkeypatch):
    monkeypatch.setattr("mailcore.imap.named_messages.MESSAGE_LIMIT", 3)
    monkeypatch.setattr("mailcore.imap.session.MESSAGE_LIMIT", 3)
    put(core, 5)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(LOGIN)
        await client.command(b"SELECT INBOX")
        heard = await client.command(b"FETCH 1:* UID")
        assert heard[0] == b"* 4 FETCH (UID 4)\r\n"
        assert heard[3] == b"t OK [MESSAGELIMIT 3 4] Done\r\n"
        assert await client.command(b"UID SEARCH ALL") == [b"* SEARCH 4 5 6\r\n", b"t OK [MESSAGELIMIT 3 4] Done\r\n"]
        assert (await client.command(b"COPY 1:* Archive"))[0].startswith(b"t NO [MESSAGELIMIT ")
        assert (await client.command(b"FETCH 1:3 UID"))[-1] == b"t OK Done\r\n"

    run(core, play)


def test_a_qresync_client_hears_of_no_modseq_before_an_older_removal(core):
    """It would come back with that modseq and never hear of the removal."""
    put(core, 3)

    async def play(imaps, _):
        one, two = [await Client.connect(imaps, tls=True) for _ in range(2)]
        for client in (one, two):
            await client.command(LOGIN)
            await client.command(b"ENABLE QRESYNC")
            await client.command(b"SELECT INBOX")
        await two.command(b"UID STORE 1 +FLAGS (\\Deleted)")
        await two.command(b"UID EXPUNGE 1")
        await two.command(b"UID STORE 3 +FLAGS (\\Flagged)")
        await asyncio.sleep(0.1)
        assert await one.command(b"FETCH 4 UID") == [b"* 4 FETCH (UID 4)\r\n", b"t OK Done\r\n"]
        heard = await one.command(b"NOOP")
        assert any(line.startswith(b"* VANISHED 1\r\n") for line in heard)
        assert any(b"(UID 3 FLAGS (\\Flagged) MODSEQ" in line for line in heard)

    run(core, play)
