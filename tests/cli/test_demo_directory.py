"""The directory of `make run`, asked by an LDAP client and by our own service."""

from datetime import date

import ldap3
import pytest
from ldap3.protocol import rfc4511 as ldap

from mailcore import core as cores
from mailcore.cli import demo
from mailcore.cli.demo import directory, people
from mailcore.config import Config
from mailcore.config_file import load_config
from mailcore.domain import Scope
from mailcore.errors import AccountExists, WrongPassword
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login
from mailcore.services.credentials.directory import Directory
from tests.machine import free_port

THEIRS, OURS, TODAY = "the university's", "the alumni's", date(2026, 11, 24)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Settings as the demo makes them, with the directory behind them."""
    folder = tmp_path_factory.mktemp("demo")
    path = folder / "demo.toml"
    address = f"127.0.0.1:{free_port()}"
    text = (demo.TOML + demo.DIRECTORY).replace("127.0.0.1:2389", address).replace('data = "var"', f'data = "{folder}"')
    path.write_text(text)
    made = load_config(str(path))
    entries = people.entries(made, TODAY, THEIRS)
    with directory.running(address, entries, {made.directory.bind_dn: made.directory.bind_password}):
        yield made


@pytest.fixture
def client(config):
    """A connection bound as the reader."""
    made = ldap3.Connection(config.directory.url, config.directory.bind_dn, config.directory.bind_password)
    assert made.bind()
    yield made
    made.unbind()


@pytest.fixture
def core(tmp_path):
    made = cores.build(Config(data=str(tmp_path)))
    yield made
    cores.close(made)


def found(client, base: str, query: str, **more: object) -> list[str]:
    client.search(base, query, attributes=["uid"], **more)
    return [one["attributes"]["uid"][0] for one in client.response]


@pytest.mark.parametrize(
    ("query", "logins"),
    [
        ("(uid=OLA)", ["ola"]),
        ("(uid=nobody)", []),
        ("(universityUntil=*)", ["ola", "nils", "sverre"]),
        ("(nothing=*)", []),
        ("(|(uid=ola)(cn=Kari Nordmann))", ["ola", "kari"]),
        ("(&(eduPersonAffiliation=member)(!(uid=ola)))", ["kari", "nils"]),
        (r"(uid=\2a)", []),
    ],
)
def test_it_searches_by_equality_and_presence_with_and_or_and_not(client, config, query, logins):
    assert found(client, config.directory.base, query) == logins


@pytest.mark.parametrize(
    ("base", "scope", "count"),
    [
        ("ou=people,dc=university,dc=example", ldap3.SUBTREE, 5),
        ("OU=People,dc=university,dc=example", ldap3.LEVEL, 5),
        ("dc=university,dc=example", ldap3.SUBTREE, 5),
        ("dc=university,dc=example", ldap3.LEVEL, 0),
        ("uid=ola,ou=people,dc=university,dc=example", ldap3.BASE, 1),
    ],
)
def test_it_looks_as_far_down_as_it_is_asked(client, base, scope, count):
    assert len(found(client, base, "(uid=*)", search_scope=scope)) == count


def test_it_tells_the_attributes_that_are_asked_for_and_never_a_password(client, config):
    client.search(config.directory.base, "(uid=ola)", attributes=["cn", "userPassword"])
    assert client.response[0]["attributes"] == {"cn": ["Ola Nordmann"], "userPassword": []}
    client.search(config.directory.base, "(uid=ola)", attributes=["*"])
    assert THEIRS not in str(client.response)


def test_it_answers_in_pages(client, config):
    sizes, cookie = [], None
    while cookie != b"":
        client.search(config.directory.base, "(uid=*)", attributes=["uid"], paged_size=2, paged_cookie=cookie)
        sizes.append(len(client.response))
        cookie = client.result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    "name", ["cn=alumnimail,dc=university,dc=example", "uid=ola,ou=people,dc=university,dc=example", ""]
)
def test_an_empty_password_proves_nothing(config, name):
    client = ldap3.Connection(config.directory.url)
    client.open()
    # by hand: the library refuses to send it with a name
    request = ldap.BindRequest()
    request["version"], request["name"] = 3, name
    request["authentication"] = ldap.AuthenticationChoice().setComponentByName("simple", ldap.Simple(""))
    _, result = client.get_response(client.strategy.send("bindRequest", request))
    assert result["description"] == "unwillingToPerform"
    client.search(config.directory.base, "(uid=*)")
    assert client.result["description"] == "insufficientAccessRights"
    client.unbind()


def test_what_it_does_not_serve_it_is_unwilling_to_perform(client, config):
    ola = "uid=ola,ou=people,dc=university,dc=example"
    for ask in (
        lambda: client.delete(ola),
        lambda: client.modify(ola, {"cn": [(ldap3.MODIFY_REPLACE, ["x"])]}),
        lambda: client.compare(ola, "uid", "ola"),
        lambda: client.extend.standard.who_am_i(),
        lambda: client.search(config.directory.base, "(uid=o*)"),
    ):
        ask()
        assert client.result["description"] == "unwillingToPerform"
    assert found(client, config.directory.base, "(uid=ola)") == ["ola"]
    client.search("dc=elsewhere", "(uid=*)")
    assert client.result["description"] == "noSuchObject"


def test_our_service_reads_it(config):
    directory = Directory(config)
    try:
        assert {one.login for one in directory.list_people()} == {"ola", "kari", "nils", "frida", "sverre"}
        assert directory.verify_login("nils", THEIRS).name == "Nils Student"
        assert directory.verify_login("nils", "wrong") is None
        assert directory.find_person("demo-5").has_ended(TODAY)
        assert not directory.find_person("demo-4").has_ended(TODAY)
    finally:
        directory.close()


def test_accounts_of_an_older_demo_are_bound_to_their_person_and_keep_their_password(core):
    accounts.add_account(core, "ola", password="an older one")
    for _ in range(2):
        people.ensure_accounts(core, OURS)
    assert [(one.name, one.person) for one in accounts.list_accounts(core)] == [("kari", "demo-2"), ("ola", "demo-1")]
    assert login.authenticate(core, "ola", "an older one", peer="", scope=Scope.IMAP).source == "alumni"
    with pytest.raises(WrongPassword):
        login.authenticate(core, "ola", OURS, peer="", scope=Scope.IMAP)


def test_n10_an_account_bound_to_a_person_is_never_bound_to_another(core):
    accounts.add_account(core, "ola", person="p1")
    accounts.add_account(core, "kari")
    for name, person in (("ola", "p2"), ("kari", "p1")):
        with pytest.raises(AccountExists):
            accounts.bind_person(core, name, person)


def test_settings_of_an_older_demo_gain_the_directory_and_keep_what_they_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    demo.SETTINGS.write_text(demo.TOML.replace("127.0.0.1:8080", "127.0.0.1:8081"))
    for _ in range(2):
        config: Config = demo._settings()
        assert config.listen.http == "127.0.0.1:8081"
        assert config.directory.url == "ldap://127.0.0.1:2389"
        assert demo.SETTINGS.read_text().count("[directory]") == 1
