"""Two password databases, and a third: who is let in, and what happens when one does not answer (S11-S16, N10)."""

import json
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailcore import core as cores
from mailcore.clock import Clock
from mailcore.config import Config, Directory, Limits, PortalUsers
from mailcore.domain import Account, Scope
from mailcore.errors import TemporarilyUnavailable, TooManyVanished, WrongPassword
from mailcore.imap import status as imap_status
from mailcore.managesieve import status as sieve_status
from mailcore.services.accounts import accounts, affiliations
from mailcore.services.credentials import login, sources
from mailcore.services.credentials.directory import Directory as LdapDirectory
from mailcore.services.credentials.sources import Proof
from mailcore.smtp import reply as smtp_reply
from mailcore.store.people.credentials import count_failures
from portal import errors as portal_errors
from tests.directory import university

OURS, THEIRS = "correct horse battery", "directory pass æøå"
OLA = ("ola", "p1", THEIRS, "student", "member")


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    with university(tmp_path_factory.mktemp("slapd")) as made:
        made.add(*OLA, until="20271231")
        made.add("kari", "p2", THEIRS, "employee", "staff")
        made.add("per", "p3", THEIRS, "alum")
        made.add("line", "p9", THEIRS, "student")  # a user name that was somebody else's before
        yield made


@pytest.fixture
def core(tmp_path, clock, slapd):
    made = cores.build(Config(data=str(tmp_path), directory=slapd.settings()), clock)
    yield made
    cores.close(made)


@pytest.fixture
def ola(core) -> Account:
    return accounts.add_account(core, "ola", person="p1", password=OURS)


def enter(core, name: str, password: str, peer: str = "192.0.2.1") -> str:
    return login.authenticate(core, name, password, peer=peer, scope=Scope.IMAP).source


def test_s12_either_password_opens_the_same_account_and_the_source_is_told(core, ola):
    assert enter(core, "ola", OURS) == "alumni"
    assert enter(core, "ola", THEIRS) == "directory"


def test_s12_the_log_names_the_source_that_matched_and_no_password(core, ola, caplog, monkeypatch):
    monkeypatch.setattr(login, "_memory", login._Memory())  # what is remembered is not asked, nor logged
    for password, source in ((OURS, "alumni"), (THEIRS, "directory")):
        caplog.clear()
        with caplog.at_level("INFO"):
            enter(core, "ola", password)
        assert f"log-in of account {ola.id} by {source}" in caplog.messages
        assert password not in caplog.text


@pytest.mark.parametrize(("name", "person"), [("ola", "p1"), ("kari", "p2"), ("per", "p3")])
def test_s12_every_kind_of_person_may_use_the_directory(core, name, person):
    accounts.add_account(core, name, person=person)
    assert enter(core, name, THEIRS) == "directory"


def test_n10_a_recycled_user_name_opens_nothing(core):
    accounts.add_account(core, "line", person="p4", password=OURS)
    with pytest.raises(WrongPassword):
        enter(core, "line", THEIRS)


def test_n10_without_a_person_id_only_the_alumni_password_counts(core):
    accounts.add_account(core, "kari", password=OURS)
    with pytest.raises(WrongPassword):
        enter(core, "kari", THEIRS)


@pytest.mark.parametrize("password", ["", "\0", "wrong", "*", THEIRS + "x"])
def test_s12_what_is_no_password_is_refused(core, ola, password):
    with pytest.raises(WrongPassword):
        enter(core, "ola", password)


@pytest.mark.parametrize("name", ["*", "o*", "ola)(uid=*", "ola\0", "\\6fla", "uid=ola"])
def test_s12_a_user_name_is_no_filter(core, ola, name):
    with pytest.raises(WrongPassword):
        enter(core, name, THEIRS)
    assert sources.list_sources(core)[0].check(replace(ola, name=name, person="p0"), THEIRS) is Proof.NO
    assert affiliations.get_directory(core).find(name) is None
    assert affiliations.get_directory(core).find_person("*") is None


def test_s12_one_attempt_counts_once_though_two_are_asked(core, ola):
    for wrong in ("wrong", "wronger"):
        with pytest.raises(WrongPassword):
            enter(core, "ola", wrong)
    assert core.db.read(lambda tx: count_failures(tx, ola.id, "192.0.2.1", 0, 0)).here == 2


def test_s12_a_password_changed_in_the_directory_is_forgotten_within_a_minute(core, clock, slapd):
    slapd.add("changes", "p20", THEIRS, "student")
    accounts.add_account(core, "changes", person="p20")
    enter(core, "changes", THEIRS)
    slapd.password("changes", "another password")
    clock.forward(seconds=61)
    with pytest.raises(WrongPassword):
        enter(core, "changes", THEIRS)
    assert enter(core, "changes", "another password") == "directory"


def test_s13_who_left_the_directory_goes_on_with_the_alumni_password(core, clock, slapd):
    slapd.add("leaver", "p21", THEIRS, "student")
    accounts.add_account(core, "leaver", person="p21", password=OURS)
    enter(core, "leaver", THEIRS)
    slapd.remove("leaver")
    clock.forward(seconds=61)
    with pytest.raises(WrongPassword):
        enter(core, "leaver", THEIRS)
    clock.forward(days=366)
    assert enter(core, "leaver", OURS) == "alumni"


def test_s11_a_directory_that_is_down_is_nobodys_fault(core, ola, slapd):
    slapd.stop()
    try:
        assert enter(core, "ola", OURS) == "alumni"
        for _ in range(40):  # more than the limit of failures: none of them counts
            with pytest.raises(TemporarilyUnavailable):
                enter(core, "ola", "wrong")
    finally:
        slapd.start()
    assert enter(core, "ola", THEIRS) == "directory"


def test_s12_a_certificate_that_is_not_trusted_is_no_directory(core, ola, tmp_path):
    config = replace(core.config, directory=replace(core.config.directory, ca=""))
    with pytest.raises(TemporarilyUnavailable):
        sources.create_sources(config, core.clock)[0].check(ola, THEIRS)


def test_affiliations_are_read_with_their_end(core, ola):
    done = affiliations.sync_directory(core)
    assert done.read >= 4
    found = affiliations.find_affiliation(core, "ola")
    assert (found.kinds, str(found.until), found.present) == (("member", "student"), "2027-12-31", True)


def test_s13_when_too_many_vanish_at_once_nothing_is_believed(core, slapd):
    for number in range(10):
        slapd.add(f"many{number}", f"m{number}", THEIRS, "student")
    affiliations.sync_directory(core)
    for number in range(10):
        slapd.remove(f"many{number}")
    with pytest.raises(TooManyVanished, match="10 of "):
        affiliations.sync_directory(core)


def test_s13_one_who_vanishes_is_marked_and_may_come_back(core, ola, slapd):
    affiliations.sync_directory(core)
    slapd.remove("ola")
    assert affiliations.sync_directory(core).vanished == 1
    assert not affiliations.find_affiliation(core, "ola").present
    slapd.add("ola", "p1", THEIRS, "alum", until="20271231")
    assert affiliations.sync_directory(core).new == 1
    assert affiliations.find_affiliation(core, "ola").kinds == ("alum",)
    slapd.remove("ola")
    slapd.add(*OLA, until="20271231")


# The contract of every source (S16)


class _Portal(BaseHTTPRequestHandler):
    people = {"ola": (THEIRS, "p1"), "line": (THEIRS, "p9")}

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        password, person = self.people.get(asked["username"], (None, ""))
        right = password == asked["password"] and self.headers["Authorization"] == "Bearer secret"
        self.send_response(200 if right else 401)
        self.end_headers()
        if right:
            self.wfile.write(json.dumps({"person": person}).encode())

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def portal():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Portal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/check"
        server.shutdown()


@pytest.fixture(params=["directory", "portal"])
def source(request, slapd, portal):
    if request.param == "directory":
        up = Config(directory=slapd.settings())
        down = Config(directory=slapd.settings(url="ldap://127.0.0.1:1"))
    else:
        up = Config(portal_users=PortalUsers(portal, "secret"))
        down = Config(portal_users=PortalUsers("http://127.0.0.1:1/", "secret"))
    [works], [silent] = sources.create_sources(up, Clock()), sources.create_sources(down, Clock())
    yield works, silent
    if isinstance(works, LdapDirectory):
        works.close()


def test_s16_every_source_keeps_the_contract(source, core, ola):
    works, silent = source
    line = accounts.add_account(core, "line", person="p4")
    nobody = accounts.add_account(core, "stranger")
    assert works.check(ola, THEIRS) is Proof.YES
    for account, password in [(ola, "wrong"), (ola, ""), (line, THEIRS), (nobody, THEIRS), (nobody, "")]:
        assert works.check(account, password) is Proof.NO
    works.imitate_check(THEIRS)
    for account in (ola, nobody):
        with pytest.raises(TemporarilyUnavailable):
            silent.check(account, THEIRS)
    with pytest.raises(TemporarilyUnavailable):
        silent.imitate_check(THEIRS)


def test_s16_a_third_source_is_a_setting_and_taking_it_out_harms_nobody(core, ola, portal, slapd):
    with_third = replace(core.config, directory=Directory(), portal_users=PortalUsers(portal, "secret"))
    third = replace(core, config=with_third)
    assert enter(third, "ola", THEIRS) == "portal"
    assert enter(third, "ola", OURS) == "alumni"
    without = replace(core, config=replace(core.config, directory=Directory(), limits=Limits()))
    assert enter(without, "ola", OURS) == "alumni"


@pytest.mark.slow
def test_s12_a_directory_that_takes_connections_and_says_nothing_is_given_three_seconds(core, ola):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        config = replace(core.config, directory=replace(core.config.directory, url=url))
        with pytest.raises(TemporarilyUnavailable):
            sources.create_sources(config, core.clock)[0].check(ola, THEIRS)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (lambda p: imap_status.answer(b"a", p).serialize().decode(), "a NO [UNAVAILABLE]"),
        (smtp_reply.reply_to, "454 4.7.0"),
        (lambda p: sieve_status.answer(p).decode(), "NO (TRYLATER)"),
        (lambda p: str(portal_errors.answer(p)[0]), "503"),
    ],
)
def test_s11_an_outage_is_no_wrong_password_in_any_protocol(said, word):
    assert said(TemporarilyUnavailable("x")).startswith(word)
    assert not said(WrongPassword("x")).startswith(word)


def test_connections_to_the_directory_are_kept_and_die_unnoticed(core, ola, slapd):
    directory = affiliations.get_directory(core)
    for _ in range(3):
        assert directory.find("ola").person == "p1"
    assert len(directory._pool._idle) == 1
    slapd.stop()
    slapd.start()
    assert directory.find("ola").person == "p1"
