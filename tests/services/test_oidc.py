"""Log-in elsewhere by OpenID Connect: who is believed, whose account it is, what happens in silence (S06, S16, N20)."""

import asyncio
from dataclasses import replace

import pytest
from joserfc.jwk import RSAKey

from mailcore import core as cores
from mailcore.config import Config, Oidc, OidcProvider
from mailcore.domain import Proven, Scope
from mailcore.errors import LinkExpired, NotAllowed, TemporarilyUnavailable, TooMany, WrongPassword
from mailcore.services.accounts import accounts, orders
from mailcore.services.credentials import login
from mailcore.services.signin import oidc, oidc_login, sasl_login
from mailcore.store.people import second_factors
from mailcore.store.people.second_factors import FactorKind
from mailcore.wire.sasl import Channel
from tests import provider as providers
from tests.directory import university
from tests.sasl_client import SaslClient

PASSWORD = "en god lang setning"


@pytest.fixture(scope="module")
def server():
    with providers.running() as made:
        yield made


@pytest.fixture
def provider(server, clock):
    server.person, server.change, server.broken, server.now = (
        {"sub": "s1", "name": "Ola Nordmann"},
        {},
        "",
        clock.seconds(),
    )
    server.asked.clear()
    return server


@pytest.fixture
def core(tmp_path, clock, provider):
    settings = Oidc(feide=provider.settings(), idporten=replace(provider.settings()), university=provider.settings())
    made = cores.build(Config(data=str(tmp_path), oidc=settings), clock)
    yield made
    cores.close(made)


def come_back(core, provider, name: str = "university", **changed: str) -> Proven:
    address, pending = oidc.begin_login(core, name)
    given = provider.authorize(address)
    return oidc.finish_login(
        core, pending, **({"code": given["code"], "state": given["state"], "issuer": given["iss"]} | changed)
    )


# Who is believed


def test_a_log_in_that_is_answered_well_is_believed(core, provider):
    provider.person |= {
        "preferred_username": "Ola@university.example",
        "affiliation": ["student@university.example", "member"],
    }
    found = come_back(core, provider)
    assert (found.source, found.person, found.display_name, found.login) == ("university", "s1", "Ola Nordmann", "ola")
    assert found.kinds == ("student", "member")


@pytest.mark.parametrize("change", [
    {"iss": "https://evil.example"}, {"aud": "another"}, {"aud": []}, {"nonce": "another"}, {"nonce": None}, {"exp": 1},
    {"exp": None}, {"iat": 2**40}, {"sub": None},
])  # fmt: skip
def test_a_token_that_is_not_for_this_log_in_is_refused(core, provider, change):
    provider.change = change
    with pytest.raises(WrongPassword):
        come_back(core, provider)


@pytest.mark.parametrize("broken", ["key", "none"])
def test_a_token_that_the_provider_has_not_signed_is_refused(core, provider, broken):
    provider.broken = broken
    with pytest.raises(WrongPassword):
        come_back(core, provider)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "another"},
        {"state": "æ"},
        {"state": ""},
        {"code": ""},
        {"code": "stolen"},
        {"issuer": "https://e.example"},
    ],
)
def test_an_answer_to_another_question_is_refused(core, provider, changed):
    with pytest.raises(WrongPassword):
        come_back(core, provider, **changed)


def test_an_answer_without_its_issuer_is_refused_where_the_provider_names_it(core, provider):
    provider.broken = "names itself"
    assert come_back(core, provider).person == "s1"
    with pytest.raises(WrongPassword):
        come_back(core, provider, issuer="")


def test_a_code_without_the_verifier_of_this_browser_is_worth_nothing(core, provider):
    address, pending = oidc.begin_login(core, "university")
    given = provider.authorize(address)
    with pytest.raises(WrongPassword):
        oidc.finish_login(core, replace(pending, verifier="x" * 43), code=given["code"], state=given["state"])


def test_a_code_is_good_once_and_for_a_quarter_of_an_hour(core, provider, clock):
    address, pending = oidc.begin_login(core, "university")
    given = provider.authorize(address)
    oidc.finish_login(core, pending, code=given["code"], state=given["state"])
    with pytest.raises(WrongPassword):
        oidc.finish_login(core, pending, code=given["code"], state=given["state"])
    address, pending = oidc.begin_login(core, "university")
    given = provider.authorize(address)
    clock.forward(minutes=16)
    with pytest.raises(WrongPassword):
        oidc.finish_login(core, pending, code=given["code"], state=given["state"])


def test_userinfo_of_somebody_else_is_not_mixed_in(core, provider):
    provider.person |= {"name": "Somebody"}
    provider.broken = "userinfo"
    assert come_back(core, provider).display_name == ""


def test_keys_are_asked_once_an_hour_and_when_one_is_unknown(core, provider, clock):
    for _ in range(3):
        come_back(core, provider)
    assert provider.asked.count("/keys") == 1
    old, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "two"}, private=True)
    try:
        clock.forward(seconds=61)
        provider.now = clock.seconds()
        come_back(core, provider)
        assert provider.asked.count("/keys") == 2
    finally:
        provider.key = old


def test_s16_a_provider_that_is_silent_is_no_wrong_password(core, provider):
    provider.broken = "down"
    with pytest.raises(TemporarilyUnavailable):
        oidc.begin_login(core, "university")
    provider.broken = "issuer"
    with pytest.raises(TemporarilyUnavailable):
        oidc.begin_login(core, "university")


def test_a_provider_that_is_not_set_up_does_not_exist(core):
    with pytest.raises(LinkExpired):
        oidc.begin_login(core, "portal")
    assert [found.name for found in oidc.list_providers(core)] == ["feide", "idporten", "university"]


# Whose account


def test_n10_the_account_is_found_by_the_person_id_alone(core, provider):
    ola = accounts.add_account(core, "ola", person="s1", password=PASSWORD)
    accounts.add_account(core, "kari", person="s2", contact="ola@home.example")
    provider.person |= {"preferred_username": "kari", "email": "ola@home.example"}
    found = oidc_login.log_in(core, come_back(core, provider), peer="192.0.2.1")
    assert (found.account.id, found.source) == (ola.id, "university")
    provider.person["sub"] = "s3"
    assert oidc_login.log_in(core, come_back(core, provider), peer="192.0.2.1") is None


def test_n20_a_log_in_that_was_linked_opens_the_account_and_no_other(core, provider):
    ola = accounts.add_account(core, "ola", password=PASSWORD)
    kari = accounts.add_account(core, "kari", password=PASSWORD)
    provider.person["pid"] = "01017012345"
    found = come_back(core, provider, "idporten")
    assert oidc_login.log_in(core, found, peer="") is None
    oidc_login.link_login(core, ola, found)
    provider.person["sub"] = "the same person, another subject"
    again = come_back(core, provider, "idporten")
    assert oidc_login.log_in(core, again, peer="").account.id == ola.id
    with pytest.raises(NotAllowed):
        oidc_login.link_login(core, kari, again)
    assert "01017012345" not in repr(core.db.read(lambda tx: tx.rows("SELECT * FROM elsewhere")))
    oidc_login.unlink_login(core, ola, "idporten")
    assert oidc_login.log_in(core, again, peer="") is None


def test_n10_another_person_s_log_in_cannot_be_linked(core, provider):
    ola = accounts.add_account(core, "ola", person="p1", password=PASSWORD)
    with pytest.raises(NotAllowed):
        oidc_login.link_login(core, ola, come_back(core, provider))


def test_s06_id_porten_finds_a_person_of_the_directory(tmp_path, clock, provider):
    folder = tmp_path / "slapd"
    folder.mkdir()
    with university(folder) as slapd:
        slapd.add("former", "p77", "x", "alum", national="01017012345", name="Kari Nordmann")
        config = Config(
            data=str(tmp_path / "data"),
            oidc=Oidc(idporten=provider.settings()),
            directory=slapd.settings(),
        )
        core = cores.build(config, clock)
        try:
            provider.person = {"sub": "x", "pid": "01017012345"}
            found = come_back(core, provider, "idporten")
            assert (found.person, found.display_name, found.kinds) == ("p77", "Kari Nordmann", ("alum",))
            _, account = orders.create_at_once(
                core, found, name="kari", contact="kari@home.example", language="nb", terms=True, key="k"
            )
            assert account.person == "p77"
            assert oidc_login.log_in(core, come_back(core, provider, "idporten"), peer="").account.id == account.id
        finally:
            cores.close(core)


def test_feide_tells_the_person_id_by_its_own_claim(core, provider):
    provider.person |= {
        "https://n.feide.no/claims/norEduPersonLIN": "lin-1",
        "https://n.feide.no/claims/eduPersonPrincipalName": "ola@university.example",
        "https://n.feide.no/claims/eduPersonAffiliation": ["employee"],
    }
    found = come_back(core, provider, "feide")
    assert (found.person, found.login, found.kinds) == ("lin-1", "ola", ("employee",))


def test_s16_the_portal_as_a_third_source_is_a_setting_and_taking_it_out_harms_nobody(core, provider):
    ola = accounts.add_account(core, "ola", person="portal-7", password=PASSWORD)
    portal = replace(core.config, oidc=Oidc(portal=provider.settings(person_claim="member")))
    with_portal = replace(core, config=portal)
    provider.person["member"] = "portal-7"
    assert oidc_login.log_in(with_portal, come_back(with_portal, provider, "portal"), peer="").account.id == ola.id
    assert login.authenticate(with_portal, "ola", PASSWORD, peer="", scope=Scope.IMAP).source == "alumni"
    without = replace(core, config=replace(core.config, oidc=Oidc()))
    assert login.authenticate(without, "ola", PASSWORD, peer="", scope=Scope.IMAP).source == "alumni"


# OAUTHBEARER


def enter(core, token: str, username: str = "ola", peer: str = "192.0.2.1"):
    return oidc_login.authenticate_bearer(core, username, token, peer=peer, scope=Scope.IMAP)


@pytest.fixture
def only(core, provider):
    """One provider, so that each token is judged by one."""
    return replace(core, config=replace(core.config, oidc=Oidc(university=provider.settings())))


@pytest.mark.parametrize("kind", ["access_token", "opaque_token"])
def test_a_token_for_us_opens_mail(only, provider, kind):
    accounts.add_account(only, "ola", person="s1", password=PASSWORD)
    for username in ("ola", "", "Ola@alumni.example"):
        found = enter(only, getattr(provider, kind)(), username)
        assert (found.account.name, found.source) == ("ola", "university")


@pytest.mark.parametrize("kind", ["access_token", "opaque_token"])
@pytest.mark.parametrize(
    "change", [{"aud": "another"}, {"exp": 1}, {"exp": None}, {"sub": "s9"}, {"iss": "https://e.example"}]
)
def test_a_token_for_others_or_of_yesterday_opens_nothing(only, provider, kind, change):
    accounts.add_account(only, "ola", person="s1", password=PASSWORD)
    with pytest.raises(WrongPassword):
        enter(only, getattr(provider, kind)(**change))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "revoked"])
def test_what_is_no_token_opens_nothing_and_is_counted(only, token):
    accounts.add_account(only, "ola", person="s1", password=PASSWORD)
    for _ in range(only.config.limits.login_failures_per_hour):
        with pytest.raises(WrongPassword):
            enter(only, token)
    with pytest.raises(TooMany):
        enter(only, token)


def test_a_token_opens_the_account_that_was_named_and_no_other(only, provider):
    accounts.add_account(only, "ola", person="s1", password=PASSWORD)
    accounts.add_account(only, "kari", person="s2", password=PASSWORD)
    with pytest.raises(WrongPassword):
        enter(only, provider.access_token(), "kari")


def test_with_a_second_step_mail_needs_app_passwords(only, provider):
    ola = accounts.add_account(only, "ola", person="s1", password=PASSWORD)
    only.db.write(lambda tx: second_factors.add_factor(tx, ola.id, FactorKind.TOTP, "", "", "x", 0, 0, active=True))
    with pytest.raises(WrongPassword):
        enter(only, provider.access_token())


def test_a_silent_provider_is_nobody_s_fault(only, provider):
    accounts.add_account(only, "ola", person="s1", password=PASSWORD)
    silent = replace(
        only, config=replace(only.config, oidc=Oidc(university=OidcProvider("http://127.0.0.1:1", "c", "s")))
    )
    for _ in range(only.config.limits.login_failures_per_hour + 5):
        with pytest.raises(TemporarilyUnavailable):
            enter(silent, provider.access_token())


def test_the_mechanism_is_offered_under_tls_where_there_is_a_provider(core, tmp_path):
    assert "OAUTHBEARER" in sasl_login.list_mechanisms(core, secure=True, channel=Channel())
    assert "OAUTHBEARER" not in sasl_login.list_mechanisms(core, secure=False, channel=Channel())
    without = replace(core, config=replace(core.config, oidc=Oidc()))
    assert "OAUTHBEARER" not in sasl_login.list_mechanisms(without, secure=True, channel=Channel())


def test_the_conversation_of_rfc_7628_ends_in_a_log_in_or_in_words_for_the_client(only, provider):
    accounts.add_account(only, "ola", person="s1", password=PASSWORD)
    said: list[bytes] = []

    async def ask(challenge: bytes) -> bytes:
        said.append(challenge)
        return b"\x01"

    def talk(token: str):
        first = b"n,a=ola,\x01auth=Bearer " + token.encode() + b"\x01\x01"
        return asyncio.run(sasl_login.authenticate(only, SaslClient(), "OAUTHBEARER", first, ask, Scope.SMTP))

    assert talk(provider.access_token()).account.name == "ola"
    assert said == []
    with pytest.raises(WrongPassword):
        talk("revoked")
    assert said == [b'{"status":"invalid_token"}']
