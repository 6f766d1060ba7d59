"""\\Recent among several sessions (imap/recent.py)."""

from hypothesis import given
from hypothesis import strategies as st

from mailcore import core as cores
from mailcore.errors import Busy
from mailcore.imap import recent
from mailcore.services.accounts import accounts
from mailcore.store.mail import mailbox_facts
from tests.protocol.test_imap_fresh import LOGIN, MESSAGE, never_polls, other, play_on_two
from tests.protocol.test_imap_server import Client, core, put, run

__all__ = ["core", "never_polls", "other"]  # the fixtures


async def count(client: Client, command: bytes) -> list[bytes]:
    return [line for line in await client.command(command) if line.endswith(b" RECENT\r\n")]


def test_of_two_sessions_only_the_first_has_a_message_as_recent(core, other):
    put(core, 2, recent=True)

    async def play(one, two):
        mutt, phone = await Client.connect(one, tls=True), await Client.connect(two, tls=True)
        for client in (mutt, phone):
            await client.command(LOGIN)
        assert await count(mutt, b"EXAMINE INBOX") == [b"* 2 RECENT\r\n"]
        assert await count(mutt, b"SELECT INBOX") == [b"* 2 RECENT\r\n"]
        assert await count(phone, b"SELECT INBOX") == [b"* 0 RECENT\r\n"]
        await phone.command(b"UNSELECT")
        put(other, 1, recent=True)
        assert await count(mutt, b"NOOP") == [b"* 3 RECENT\r\n"]
        assert await count(phone, b"SELECT INBOX") == [b"* 0 RECENT\r\n"]
        assert b"* 4 FETCH (FLAGS (\\Recent))\r\n" in await mutt.command(b"FETCH 4 FLAGS")
        assert b"* 4 FETCH (FLAGS ())\r\n" in await phone.command(b"FETCH 4 FLAGS")
        assert (await phone.command(b"STORE 4 +FLAGS (\\Seen)"))[0] == b"* 4 FETCH (FLAGS (\\Seen))\r\n"
        assert b"* 4 FETCH (FLAGS (\\Recent \\Seen))\r\n" in await mutt.command(b"NOOP")

    play_on_two(core, other, play)


def test_a_session_in_idle_claims_what_it_is_told_of(core):
    async def play(imaps, _):
        idling, later = await Client.connect(imaps, tls=True), await Client.connect(imaps, tls=True)
        await idling.command(LOGIN)
        await idling.command(b"SELECT INBOX")
        idling.writer.write(b"i IDLE\r\n")
        await idling.line()
        await later.command(LOGIN)
        await later.command(b"APPEND INBOX {14+}\r\n" + MESSAGE)
        assert [await idling.line(), await idling.line()] == [b"* 2 EXISTS\r\n", b"* 1 RECENT\r\n"]
        idling.writer.write(b"DONE\r\n")
        await idling.line()
        assert await count(later, b"SELECT INBOX") == [b"* 0 RECENT\r\n"]

    run(core, play)


def test_a_database_that_cannot_be_written_to_is_read_all_the_same(core, monkeypatch):
    put(core, 1, recent=True)

    async def full(fn, of):
        raise Busy("the disk is full")

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(LOGIN)
        with monkeypatch.context() as patch:
            patch.setattr(core.db, "awrite", full)
            assert await count(client, b"SELECT INBOX") == [b"* 1 RECENT\r\n"]
            put(core, 1, recent=True)
            assert await count(client, b"NOOP") == [b"* 2 RECENT\r\n"]

    run(core, play)


def test_mail_of_before_the_mark_is_nobodys_new_mail(core):
    """The migration: what is there when the column is added is old."""
    put(core, 3, recent=True)
    core.db.write(lambda tx: tx.run("ALTER TABLE mailbox DROP COLUMN recent"))
    assert core.db.write(lambda tx: tx.run("DELETE FROM migration WHERE name='0018_recent'")) == 1
    later = cores.build(core.config)
    try:
        ola = accounts.find_account(later, "ola").id
        boxes = later.db.read(lambda tx: later.mail.mailboxes(tx, ola))
        assert {box.recent - box.uidnext for box in boxes} == {0}
        put(later, 1, recent=True)
        inbox = later.db.read(lambda tx: later.mail.mailbox(tx, ola, "INBOX"))
        assert later.db.read(lambda tx: mailbox_facts.count_recent(tx, inbox)) == 1
    finally:
        cores.close(later)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12, unique=True), st.data())
def test_what_is_recent_is_what_came_above_the_mark(uids, data):
    uids.sort()
    claimed: recent.Claimed = ()
    expected: set[int] = set()
    at = 0
    while at < len(uids):
        added = uids[at : at + data.draw(st.integers(1, 4))]
        at += len(added)
        mark = data.draw(st.integers(0, 45))
        claimed = recent.extended(claimed, added, mark)
        expected |= {uid for uid in added if uid >= mark}
    assert {uid for uid in uids if recent.has(claimed, uid)} == expected
    assert recent.count(claimed, uids) == len(expected)
    assert [own >= recent.BIT for own in recent.bits(claimed, uids, [1] * len(uids))] == [
        uid in expected for uid in uids
    ]
