"""Mail fetched from another IMAP server: ours, in a thread (N18)."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from mailcore import core as cores
from mailcore.config import parse_config
from mailcore.errors import ImportRefused
from mailcore.imap import server
from mailcore.services import accounts, certificates, imap_pull
from mailcore.services.imap_pull import Server
from tests.services.test_takeout import everything, put

PASSWORD = "en lang hemmelighet"


@pytest.fixture
def old(tmp_path):
    """Kari's old university mail; gives the core and where to fetch from."""
    text = f'data = "{tmp_path}/old"\n[listen]\nimaps = "127.0.0.1:0"\nimap = ""\n'
    there = cores.build(parse_config(text))
    accounts.add(there, "kari", password=PASSWORD)
    ready, stop = threading.Event(), threading.Event()
    ports = []

    async def run():
        servers = await server.start(there, certificates.tls_context(there.config))
        ports.append(servers[0].sockets[0].getsockname()[1])
        ready.set()
        await asyncio.to_thread(stop.wait)
        for one in servers:
            one.close()

    certificates.ensure_certificate(there.config, there.clock)
    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    ca = str(tmp_path / "old" / "tls" / "ca.pem")
    yield there, Server("localhost", "kari", PASSWORD, port=ports[0], ca=ca)
    stop.set()
    thread.join()
    cores.close(there)


@pytest.mark.slow
def test_n18_all_mail_comes_with_flags_dates_and_special_use(core, old):
    there, where = old
    kari = accounts.get(there, "kari")
    put(there, kari, "INBOX", b"Subject: a\r\n\r\nhei\r\n", ["\\Seen", "$Work"])
    put(
        there,
        kari,
        "Arbeid/Søknader",
        b"Subject: b\r\n\r\nhei\r\n",
        ["\\Flagged"],
        datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC),
    )
    put(there, kari, "Sent", b"Subject: c\r\n\r\n" + b"x" * 9_000_000 + b"\r\n")
    folders = {folder.name: folder for folder in imap_pull.forecast(core, where)}
    assert (folders["Arbeid/Søknader"].messages, folders["Sent"].special_use) == (1, "\\Sent")
    assert sum(folder.octets for folder in folders.values()) == accounts.get(there, "kari").used
    mine = accounts.add(core, "kari2")
    core.db.write(
        lambda tx: [core.mail.expunge(tx, box.id, None, only_deleted=False) for box in core.mail.mailboxes(tx, mine.id)]
    )
    report = imap_pull.fetch(core, mine.id, where)
    assert report.messages == 4
    assert everything(core, mine) == everything(there, kari)
    again = imap_pull.fetch(core, mine.id, where)
    assert (again.messages, again.there) == (0, 4)


def test_n18_a_wrong_password_and_a_silent_server_are_told_in_words(core, old):
    _there, where = old
    mine = accounts.add(core, "kari2")
    with pytest.raises(ImportRefused, match="refused the log-in"):
        imap_pull.fetch(core, mine.id, Server(where.host, "kari", "wrong", port=where.port, ca=where.ca))
    with pytest.raises(ImportRefused, match="cannot be reached"):
        imap_pull.fetch(core, mine.id, Server("localhost", "kari", PASSWORD, port=1, ca=where.ca))
    with pytest.raises(ImportRefused, match="cannot be reached"):  # a certificate of nobody we trust
        imap_pull.fetch(core, mine.id, Server(where.host, "kari", PASSWORD, port=where.port))


def test_n18_a_box_that_is_too_small_takes_what_fits(core, old):
    there, where = old
    for number in range(6):
        put(there, accounts.get(there, "kari"), "INBOX", b"Subject: %d\r\n\r\n" % number + b"x" * 1_000_000 + b"\r\n")
    mine = accounts.add(core, "kari2", quota=3_500_000)
    report = imap_pull.fetch(core, mine.id, where)
    assert report.full
    assert accounts.by_id(core, mine.id).used <= 3_500_000
