"""Mail fetched with the owner's consent at a provider, whose tokens end, are refused and withdrawn midway (N32)."""

import base64
import dataclasses
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from mailcore import core as cores
from mailcore.config import Config, ConsentProvider, Imports, Oidc
from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import InvalidName, LinkExpired, MailError, NotAllowed, TemporarilyUnavailable
from mailcore.services.accounts import accounts
from mailcore.services.transfer import consents, imap_import, mail_fetch, mail_fetch_work
from mailcore.services.transfer.imap_connection import Server
from mailcore.store.site import fetches as store
from mailcore.store.site.fetches import Fetch, FetchState
from tests import consenting
from tests import provider as providers
from tests.consenting import CLIENT, SECRET, Consenting
from tests.imap_server import imap_server
from tests.mailboxes import everything, put
from tests.services.conftest import SetClock
from tests.services.test_mail_fetch import Relay, empty, run


@dataclasses.dataclass
class Stage:
    """Us, with an owner; and there a provider, and an IMAP server that takes its tokens, behind a line that may break."""

    core: Core
    ola: Account
    there: Core
    kari: Account
    provider: Consenting
    relay: Relay

    def consent(self, fetch: int = 0) -> int:
        """Consent there, and come back."""
        if fetch:
            address, pending = mail_fetch.begin_again(self.core, self.ola.id, fetch)
        else:
            address, pending = consents.begin_consent(self.core, self.ola.id, "google")
        return mail_fetch.start_by_consent(self.core, self.ola.id, pending, **self.provider.authorize(address))

    def fetch(self) -> Fetch:
        [one] = mail_fetch.list_fetches(self.core, self.ola.id)
        return one

    def choose_all(self) -> None:
        fetch = self.fetch()
        mail_fetch.choose_folders(self.core, self.ola.id, fetch.id, [folder.name for folder in fetch.folders])


@pytest.fixture(scope="module")
def tokens() -> Iterator[providers.Provider]:
    with providers.running() as made:
        yield made


@pytest.fixture
def stage(tmp_path: Path, core: Core, clock: SetClock, tokens: providers.Provider) -> Iterator[Stage]:
    tokens.person = {"sub": "s1", "name": "Kari"}
    there = cores.build(Config(data=str(tmp_path / "there"), oidc=Oidc(university=tokens.settings())), clock)
    kari = accounts.add_account(there, "kari", person="s1")
    for number in range(40):
        put(there, kari, "INBOX", b"Subject: %d\r\n\r\n" % number + b"x" * 60_000 + b"%d\r\n" % number, ["\\Seen"])
    put(there, kari, "Arbeid/Søknader", b"Subject: b\r\n\r\nhei\r\n", ["\\Flagged"])
    with (
        consenting.running(tokens, clock.seconds, tmp_path / "ca.pem") as provider,
        imap_server(there) as (port, ca),
        closing(Relay(port)) as relay,
    ):
        both = tmp_path / "both.pem"
        both.write_text(Path(ca).read_text() + (tmp_path / "ca.pem").read_text())
        imports = Imports(
            networks=("127.0.0.0/8", "::1/128"), ca=str(both), google=provider.settings("localhost", relay.port)
        )
        core = dataclasses.replace(core, config=dataclasses.replace(core.config, imports=imports))
        ola = accounts.add_account(core, "ola", quota=0)
        empty(core, ola)
        yield Stage(core, ola, there, kari, provider, relay)
    cores.close(there)


def test_n32_the_browser_is_sent_with_a_challenge_and_a_state_and_asks_for_mail_alone(core: Core) -> None:
    for name, scope in (
        ("google", "https://mail.google.com/"),
        ("microsoft", "https://outlook.office.com/IMAP.AccessAsUser.All"),
    ):
        imports = Imports(**{name: ConsentProvider("us", "secret")})  # type: ignore[arg-type]  # named by the table
        here = dataclasses.replace(core, config=dataclasses.replace(core.config, imports=imports))
        ola = accounts.add_account(here, name)
        address, pending = consents.begin_consent(here, ola.id, name)
        query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert urlsplit(address).scheme == "https"
        assert query["state"] == pending.state
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == f"{here.config.url}/imports/callback"
        assert scope in query["scope"].split()
        assert pending.verifier not in address
        assert "secret" not in address


@pytest.mark.slow
def test_n32_mail_is_fetched_by_consent_and_the_tokens_are_thrown_away(stage: Stage) -> None:
    stage.consent()
    fetch = stage.fetch()
    assert (fetch.host, fetch.user, fetch.provider) == ("localhost", "kari@alumni.example", "google")
    run(stage.core)
    stage.choose_all()
    run(stage.core)
    fetch = stage.fetch()
    assert (fetch.state, fetch.sealed, fetch.problem) == (FetchState.DONE, "", "")
    assert everything(stage.core, stage.ola) == everything(stage.there, stage.kari)


@pytest.mark.slow
def test_n32_tokens_that_end_and_lines_that_break_midway_double_and_lose_nothing(
    stage: Stage, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_fetch_work, "BATCH", 5)
    monkeypatch.setattr(imap_import, "FETCH_OCTETS", 300_000)
    stage.consent()
    sealed = {stage.fetch().sealed}
    run(stage.core)
    stage.choose_all()
    turns = 0
    while stage.fetch().state is FetchState.RUNNING:
        stage.relay.left = 1_000_000  # of 2.4 MB
        clock.forward(hours=2)
        run(stage.core)
        sealed.add(stage.fetch().sealed)
        turns += 1
        assert turns < 15
    assert stage.fetch().state is FetchState.DONE
    assert stage.provider.renewed == turns > 2
    assert everything(stage.core, stage.ola) == everything(stage.there, stage.kari)
    assert stage.fetch().sealed == ""


@pytest.mark.slow
def test_n32_a_token_that_is_refused_before_its_time_is_renewed_once(stage: Stage, clock: SetClock) -> None:
    stage.provider.lifetime = 86_400
    stage.consent()
    clock.forward(hours=1)  # ours says it is good for a day; the server there knows better
    run(stage.core)
    assert stage.fetch().state is FetchState.CHOOSING
    assert stage.provider.renewed == 1


@pytest.mark.slow
@pytest.mark.parametrize("is_taken_over", [False, True])
def test_n32_no_two_processes_use_the_token_that_renews(
    stage: Stage, clock: SetClock, monkeypatch: pytest.MonkeyPatch, is_taken_over: bool
) -> None:
    """It is good for one use.  The server there takes long to refuse a token, the provider long to give another."""
    stage.provider.lifetime = 86_400
    number = stage.consent()
    clock.forward(hours=1)
    work_at, renew_tokens, claims = mail_fetch_work._work_at, consents.renew_tokens, list[int]()

    def claim() -> int:
        """Take the import as another process does."""
        now = clock.seconds()
        return stage.core.db.write(lambda tx: store.claim_fetch(tx, number, now, mail_fetch_work.LEASE_SECONDS))

    def refuse_slowly(*args: Any) -> None:  # Any: as of the functions that it stands before
        try:
            work_at(*args)
        finally:
            if not claims:
                clock.forward(
                    seconds=mail_fetch_work.LEASE_SECONDS + 10 if is_taken_over else mail_fetch_work.LEASE_SECONDS - 10
                )
                claims.append(claim() if is_taken_over else 0)

    def renew_slowly(*args: Any) -> consents.Tokens:
        clock.forward(seconds=60)
        claims.append(claim())
        return renew_tokens(*args)

    monkeypatch.setattr(mail_fetch_work, "_work_at", refuse_slowly)
    monkeypatch.setattr(consents, "renew_tokens", renew_slowly)
    run(stage.core)
    assert stage.provider.renewed == (0 if is_taken_over else 1)
    assert len(claims) == (1 if is_taken_over else 2)
    assert bool(claims[-1]) is is_taken_over


@pytest.mark.slow
def test_n32_a_consent_that_was_withdrawn_is_asked_for_anew_and_it_goes_on_where_it_was(
    stage: Stage, clock: SetClock
) -> None:
    id_ = stage.consent()
    run(stage.core)
    stage.choose_all()
    stage.relay.left = 1_500_000
    run(stage.core)
    stage.relay.left = None
    stage.provider.withdraw()
    clock.forward(hours=2)
    run(stage.core)
    assert (stage.fetch().state, stage.fetch().problem) == (FetchState.REFUSED, "consent ended")
    with pytest.raises(InvalidName):
        mail_fetch.resume_fetch(stage.core, stage.ola.id, id_)
    with pytest.raises(InvalidName):
        mail_fetch.resume_fetch(stage.core, stage.ola.id, id_, "a password is not asked for")
    stage.provider.user = "per@alumni.example"
    with pytest.raises(NotAllowed):
        stage.consent(id_)
    stage.provider.user = "Kari@alumni.example"
    assert stage.consent(id_) == id_
    run(stage.core)
    assert stage.fetch().state is FetchState.DONE
    assert everything(stage.core, stage.ola) == everything(stage.there, stage.kari)


@pytest.mark.slow
def test_n32_a_provider_that_does_not_answer_is_asked_again_later(stage: Stage, clock: SetClock) -> None:
    stage.consent()
    clock.forward(hours=1)
    stage.provider.broken = "down"
    run(stage.core)
    fetch = stage.fetch()
    assert (fetch.state, fetch.failures) == (FetchState.LISTING, 1)
    stage.provider.broken = ""
    clock.forward(hours=1)
    run(stage.core)
    assert stage.fetch().state is FetchState.CHOOSING


def test_n32_an_answer_to_another_question_is_none(stage: Stage, clock: SetClock) -> None:
    address, pending = consents.begin_consent(stage.core, stage.ola.id, "google")
    answer = stage.provider.authorize(address)
    per = accounts.add_account(stage.core, "per")

    def come_back(owner: Account, one: consents.Pending, **changed: str) -> None:
        mail_fetch.start_by_consent(stage.core, owner.id, one, **(answer | changed))

    for owner, one, changed in (
        (stage.ola, pending, {"state": "another"}),
        (stage.ola, pending, {"state": "æ"}),
        (stage.ola, pending, {"code": ""}),
        (per, pending, {}),
        (stage.ola, dataclasses.replace(pending, at=pending.at - 1000), {}),
    ):
        with pytest.raises(LinkExpired):
            come_back(owner, one, **changed)
    assert stage.provider.asked == 0
    with pytest.raises(NotAllowed):  # a code that somebody else's browser was given
        come_back(stage.ola, dataclasses.replace(pending, verifier="another"))
    with pytest.raises(NotAllowed):
        come_back(stage.ola, pending)  # a code is good once
    assert mail_fetch.list_fetches(stage.core, stage.ola.id) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope", "openid email"),
        ("broken", "nothing lasting"),
        ("user", ""),
        ("user", "a b"),
        ("user", "a\r\nb@x.example"),
    ],
)
def test_n32_a_consent_that_is_not_enough_begins_nothing(stage: Stage, name: str, value: str) -> None:
    setattr(stage.provider, name, value)
    with pytest.raises(NotAllowed):
        stage.consent()
    assert mail_fetch.list_fetches(stage.core, stage.ola.id) == []


@pytest.mark.parametrize(
    "change",
    [
        {"networks": ()},  # our own network is nobody's provider
        {"ca": ""},  # a certificate of nobody whom we trust
        {"google": {"token_url": "http://127.0.0.1:80/token"}},
        {"google": {"token_url": "https://[broken/token"}},
        {"google": {"token_url": "https://127.0.0.1:1/token"}},
        {"google": {"client_secret": "wrong"}},
    ],
)
def test_n32_a_provider_that_may_not_be_asked_gives_one_clear_error(stage: Stage, change: dict) -> None:
    address, pending = consents.begin_consent(stage.core, stage.ola.id, "google")
    answer = stage.provider.authorize(address)
    imports = stage.core.config.imports
    google = dataclasses.replace(imports.google, **change.pop("google", {}))
    imports = dataclasses.replace(imports, google=google, **change)
    here = dataclasses.replace(stage.core, config=dataclasses.replace(stage.core.config, imports=imports))
    with pytest.raises(TemporarilyUnavailable):
        mail_fetch.start_by_consent(here, stage.ola.id, pending, **answer)


@pytest.mark.parametrize(
    "scope", ["openid https://mail.google.com/", "https://mail.google.com email", "HTTPS://MAIL.GOOGLE.COM/", ""]
)
def test_n32_what_was_granted_may_be_spelled_otherwise(stage: Stage, scope: str) -> None:
    stage.provider.scope = scope
    assert stage.consent()


def test_n32_tokens_are_sealed_for_one_import(stage: Stage) -> None:
    id_ = stage.consent()
    sealed = stage.fetch().sealed
    tokens = consents.unseal_tokens(stage.core, sealed, f"{stage.ola.id} {id_}")
    assert tokens
    assert tokens.refresh not in sealed
    assert consents.unseal_tokens(stage.core, sealed, f"{stage.ola.id} {id_ + 1}") is None
    assert SECRET not in sealed
    assert CLIENT not in sealed


# Microsoft has XOAUTH2 alone


@contextmanager
def xoauth2_server(tmp_path: Path, said: list[str]) -> Iterator[tuple[int, str]]:
    """A server with XOAUTH2 and nothing else, for one conversation."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "x.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as secure, secure.makefile("rwb") as line:
            line.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] here\r\n")
            line.flush()
            while words := line.readline().split():
                tag, command = words[0], words[1].upper()
                if command == b"AUTHENTICATE":
                    line.write(b"+ \r\n")
                    line.flush()
                    said.append(base64.b64decode(line.readline()).decode())
                if command == b"CAPABILITY":
                    line.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n")
                line.write(tag + b" OK done\r\n")
                line.flush()
                if command == b"LOGOUT":
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], str(tmp_path / "x.pem")
    finally:
        thread.join()
        listener.close()


def test_n32_xoauth2_is_spoken_where_nothing_else_is(tmp_path: Path) -> None:
    said: list[str] = []
    with xoauth2_server(tmp_path, said) as (port, ca):
        server = Server("localhost", "kari@firma.example", token="t0ken", port=port, ca=ca, may_connect=lambda _: True)
        assert imap_import.list_folders(server) == []
    assert said == ["user=kari@firma.example\1auth=Bearer t0ken\1\1"]


def test_n32_no_provider_is_offered_before_the_site_names_it(core: Core) -> None:
    assert consents.list_providers(core) == ()
    with pytest.raises(MailError):
        consents.begin_consent(core, accounts.add_account(core, "ola").id, "google")
