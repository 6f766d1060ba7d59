"""Mail that owners fetch from another server: it refuses, drops, and comes back (N32)."""

import dataclasses
import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from mailcore import core as cores
from mailcore.config import Config, Imports
from mailcore.errors import InvalidName, LinkExpired, LoginRefused, NotAllowed, TooMany
from mailcore.services.accounts import accounts, closing
from mailcore.services.credentials import credentials
from mailcore.services.transfer import mail_fetch, mail_fetch_work
from mailcore.store.site import fetches as store
from mailcore.store.site.fetches import FetchState
from tests.imap_server import imap_server
from tests.mailboxes import everything, put

PASSWORD = "en lang hemmelighet"


class Relay:
    """A way to a server that breaks off after so many octets of its answers; None = never."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.left: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self._to))
            self._sockets += [client, there]
            self._start(self._pump, client, there, False)
            self._start(self._pump, there, client, True)

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                if counts and self.left is not None:
                    self.left -= len(octets)
                    if self.left < 0:
                        break
                sink.sendall(octets)
        self._shut(source, sink)

    def _shut(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._shut(self._listener, *self._sockets)
        for thread in list(self._threads):
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()


@contextmanager
def standing(tmp_path, count=0):
    there = cores.build(Config(data=str(tmp_path / "old")))
    kari = accounts.add_account(there, "kari", password=PASSWORD)
    for number in range(count):
        put(there, kari, "INBOX", b"Subject: %d\r\n\r\n" % number + b"x" * 60_000 + b"%d\r\n" % number, ["\\Seen"])
    put(there, kari, "Arbeid/Søknader", b"Subject: b\r\n\r\nhei\r\n", ["\\Flagged"])
    with imap_server(there) as (port, ca):
        relay = Relay(port)
        try:
            yield there, kari, relay, ca
        finally:
            relay.close()
    cores.close(there)


def with_imports(core, ca):
    imports = Imports(networks=("127.0.0.0/8", "::1/128"), ca=ca)
    return dataclasses.replace(core, config=dataclasses.replace(core.config, imports=imports))


def run(core):
    """The work of one look of the job, without its threads."""
    for fetch in core.db.read(lambda tx: store.list_due(tx, core.clock.seconds(), 10)):
        mail_fetch_work.run_fetch(core, fetch)


def empty(core, account):
    core.db.write(
        lambda tx: [
            core.mail.expunge(tx, box.id, None, only_deleted=False) for box in core.mail.mailboxes(tx, account.id)
        ]
    )


@pytest.fixture
def mine(core):
    made = accounts.add_account(core, "ola", quota=0)
    empty(core, made)
    return made


@pytest.mark.slow
def test_n32_folders_are_listed_chosen_and_fetched_and_the_password_is_forgotten(tmp_path, core, mine):
    with standing(tmp_path, 3) as (there, kari, relay, ca):
        core = with_imports(core, ca)
        id_ = mail_fetch.start_fetch(core, mine.id, "localhost", "kari", PASSWORD, relay.port)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        assert PASSWORD not in fetch.sealed
        run(core)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        assert fetch.state is FetchState.CHOOSING
        assert fetch.total == accounts.find_account(there, "kari").used  # the forecast
        mail_fetch.choose_folders(core, mine.id, id_, [folder.name for folder in fetch.folders])
        run(core)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        assert (fetch.state, fetch.percent, fetch.sealed) == (FetchState.DONE, 100, "")
        assert everything(core, mine) == everything(there, kari)


@pytest.mark.slow
def test_n32_what_is_not_chosen_stays_there(tmp_path, core, mine):
    with standing(tmp_path, 3) as (_there, _kari, relay, ca):
        core = with_imports(core, ca)
        id_ = mail_fetch.start_fetch(core, mine.id, "localhost", "kari", PASSWORD, relay.port)
        run(core)
        mail_fetch.choose_folders(core, mine.id, id_, ["Arbeid/Søknader"])
        run(core)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        assert (fetch.state, fetch.messages) == (FetchState.DONE, 1)


@pytest.mark.slow
def test_n32_a_server_that_breaks_off_again_and_again_doubles_and_loses_nothing(
    tmp_path, core, mine, clock, monkeypatch
):
    monkeypatch.setattr(mail_fetch_work, "BATCH", 5)
    with standing(tmp_path, 60) as (there, kari, relay, ca):
        monkeypatch.setattr("mailcore.services.transfer.imap_import.FETCH_OCTETS", 300_000)
        core = with_imports(core, ca)
        id_ = mail_fetch.start_fetch(core, mine.id, "localhost", "kari", PASSWORD, relay.port)
        run(core)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        mail_fetch.choose_folders(core, mine.id, id_, [folder.name for folder in fetch.folders])
        turns, seen = 0, []
        while fetch.state is FetchState.RUNNING or not turns:
            relay.left = 1_000_000  # of 3.6 MB
            run(core)
            [fetch] = mail_fetch.list_fetches(core, mine.id)
            seen.append(fetch.percent)
            turns += 1
            clock.forward(hours=2)
            assert turns < 20
        assert turns > 3
        assert fetch.state is FetchState.DONE
        assert seen == sorted(seen)
        assert everything(core, mine) == everything(there, kari)


@pytest.mark.slow
def test_n32_a_log_in_that_is_refused_midway_asks_for_the_password(tmp_path, core, mine):
    with standing(tmp_path, 3) as (there, kari, relay, ca):
        core = with_imports(core, ca)
        id_ = mail_fetch.start_fetch(core, mine.id, "localhost", "kari", PASSWORD, relay.port)
        run(core)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        mail_fetch.choose_folders(core, mine.id, id_, [folder.name for folder in fetch.folders])
        credentials.set_password(there, kari.id, "et helt annet passord")
        run(core)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        assert (fetch.state, fetch.problem) == (FetchState.REFUSED, "refused")
        with pytest.raises(InvalidName):
            mail_fetch.resume_fetch(core, mine.id, id_)
        mail_fetch.resume_fetch(core, mine.id, id_, "et helt annet passord")
        run(core)
        assert mail_fetch.list_fetches(core, mine.id)[0].state is FetchState.DONE


@pytest.mark.slow
def test_n32_a_full_mailbox_keeps_what_came_and_goes_on_when_there_is_room(tmp_path, core, mine):
    with standing(tmp_path, 10) as (there, kari, relay, ca):
        core = with_imports(core, ca)
        accounts.set_quota(core, "ola", 250_000)
        id_ = mail_fetch.start_fetch(core, mine.id, "localhost", "kari", PASSWORD, relay.port)
        run(core)
        [fetch] = mail_fetch.list_fetches(core, mine.id)
        mail_fetch.choose_folders(core, mine.id, id_, [folder.name for folder in fetch.folders])
        run(core)
        assert mail_fetch.list_fetches(core, mine.id)[0].state is FetchState.FULL
        accounts.set_quota(core, "ola", 10_000_000)
        mail_fetch.resume_fetch(core, mine.id, id_)
        run(core)
        assert mail_fetch.list_fetches(core, mine.id)[0].state is FetchState.DONE
        assert everything(core, mine) == everything(there, kari)


def test_n32_a_server_that_never_answers_is_left_alone_for_ever_longer(core, mine, clock):
    core = with_imports(core, "")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    id_ = mail_fetch.start_fetch(core, mine.id, "127.0.0.1", "kari", PASSWORD, port)
    turns = 0
    while mail_fetch.list_fetches(core, mine.id)[0].state is FetchState.LISTING:
        run(core)
        assert mail_fetch.list_fetches(core, mine.id)[0].problem
        assert core.db.read(lambda tx: store.list_due(tx, core.clock.seconds(), 10)) == []
        clock.forward(hours=1)
        turns += 1
    assert turns == mail_fetch_work.MAX_FAILURES
    mail_fetch.resume_fetch(core, mine.id, id_)
    assert mail_fetch.list_fetches(core, mine.id)[0].state is FetchState.LISTING


def test_n32_a_process_whose_lease_ended_leaves_the_import_to_the_other(core, mine, clock, monkeypatch):
    core = with_imports(core, "")
    id_ = mail_fetch.start_fetch(core, mine.id, "127.0.0.1", "kari", PASSWORD, 9)
    others: list[int] = []

    def work_slowly(core, fetch, *rest):
        clock.forward(seconds=mail_fetch_work.LEASE_SECONDS + 1)
        others.append(
            core.db.write(lambda tx: store.claim_fetch(tx, id_, clock.seconds(), mail_fetch_work.LEASE_SECONDS))
        )
        raise LoginRefused

    monkeypatch.setattr(mail_fetch_work, "_work", work_slowly)
    run(core)
    assert mail_fetch.list_fetches(core, mine.id)[0].state is FetchState.LISTING
    assert others[0] > 0
    assert not core.db.write(lambda tx: store.claim_fetch(tx, id_, clock.seconds(), mail_fetch_work.LEASE_SECONDS))
    assert core.db.write(
        lambda tx: store.renew_lease(tx, id_, others[0], clock.seconds(), mail_fetch_work.LEASE_SECONDS)
    )


def test_n32_an_import_that_another_process_has_just_had_for_a_turn_waits(core, mine, clock):
    core = with_imports(core, "")
    mail_fetch.start_fetch(core, mine.id, "127.0.0.1", "kari", PASSWORD, 9)
    listed = core.db.read(lambda tx: store.list_due(tx, clock.seconds(), 9))
    for fetch in 2 * listed:
        mail_fetch_work.run_fetch(core, fetch)
    assert mail_fetch.list_fetches(core, mine.id)[0].failures == 1


def test_n32_one_process_at_a_time_and_another_when_it_has_died(core, mine, clock):
    core = with_imports(core, "")
    id_ = mail_fetch.start_fetch(core, mine.id, "127.0.0.1", "kari", PASSWORD, 9)
    assert core.db.write(lambda tx: store.claim_fetch(tx, id_, core.clock.seconds(), mail_fetch_work.LEASE_SECONDS))
    run(core)
    assert mail_fetch.list_fetches(core, mine.id)[0].failures == 0
    clock.forward(seconds=mail_fetch_work.LEASE_SECONDS + 1)
    run(core)
    assert mail_fetch.list_fetches(core, mine.id)[0].failures == 1


@pytest.mark.parametrize(
    ("address", "port", "allowed"),
    [
        ("127.0.0.1", 993, False), ("10.0.0.8", 993, False), ("169.254.169.254", 993, False), ("::1", 993, False),
        ("::ffff:127.0.0.1", 993, False), ("fe80::1%eth0", 993, False), ("93.184.216.34", 993, True),
        ("93.184.216.34", 22, False), ("x", 993, False),
    ],
)  # fmt: skip
def test_n32_our_own_network_is_nobody_s_mail_server(core, address, port, allowed):
    assert mail_fetch_work.may_ask(core, address, port) is allowed


def test_n32_a_private_server_is_asked_by_no_name(core, mine):
    mail_fetch.start_fetch(core, mine.id, "localhost", "kari", PASSWORD)
    run(core)
    assert mail_fetch.list_fetches(core, mine.id)[0].problem == "unreachable"


@pytest.mark.parametrize(
    ("host", "user", "password", "port", "error"),
    [
        ("imap example.org", "a", "b", 993, InvalidName),
        ("", "a", "b", 993, InvalidName),
        ("imap.example.org", "", "b", 993, InvalidName),
        ("imap.example.org", "a\r\nb", "b", 993, InvalidName),
        ("imap.example.org", "a", "", 993, InvalidName),
        ("imap.example.org", "a", "b", 22, NotAllowed),
        ("imap.example.org", "a", "b", 70000, InvalidName),
    ],
)
def test_n32_what_cannot_be_is_told_before_anybody_is_asked(core, mine, host, user, password, port, error):
    with pytest.raises(error):
        mail_fetch.start_fetch(core, mine.id, host, user, password, port)
    assert mail_fetch.list_fetches(core, mine.id) == []


def test_n32_ten_imports_are_enough(core, mine):
    for _ in range(mail_fetch.MAX_FETCHES):
        mail_fetch.start_fetch(core, mine.id, "imap.example.org", "a", "b")
    with pytest.raises(TooMany):
        mail_fetch.start_fetch(core, mine.id, "imap.example.org", "a", "b")


def test_n32_a_password_that_nobody_uses_is_forgotten(core, mine, clock):
    id_ = mail_fetch.start_fetch(core, mine.id, "imap.example.org", "a", "b")
    mail_fetch.pause_fetch(core, mine.id, id_)
    clock.forward(days=8)
    assert mail_fetch.forget_passwords(core) == 1
    assert mail_fetch.list_fetches(core, mine.id)[0].sealed == ""
    with pytest.raises(InvalidName):
        mail_fetch.resume_fetch(core, mine.id, id_)


def test_n32_nobody_works_on_another_person_s_import(core, mine):
    id_ = mail_fetch.start_fetch(core, mine.id, "imap.example.org", "a", "b")
    kari = accounts.add_account(core, "kari")
    with pytest.raises(LinkExpired):
        mail_fetch.pause_fetch(core, kari.id, id_)
    with pytest.raises(LinkExpired):
        mail_fetch.choose_folders(core, kari.id, id_, ["INBOX"])
    mail_fetch.remove_fetch(core, kari.id, id_)
    assert len(mail_fetch.list_fetches(core, mine.id)) == 1


def test_n32_an_erased_account_leaves_no_password(core, mine, clock):
    mail_fetch.start_fetch(core, mine.id, "imap.example.org", "a", "b")
    closing.close_account(core, "ola")
    clock.forward(days=31)
    closing.erase_closed(core)
    assert core.db.read(lambda tx: tx.rows("SELECT 1 FROM mail_fetch")) == []
