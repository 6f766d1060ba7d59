"""Accounts in administration (N37): found, created and acted on; each act is in the log, grave ones ask again."""

import re
from base64 import b32decode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from mailcore.core import Core
from mailcore.domain import Account, AccountState, Identity, Scope
from mailcore.errors import NotAllowed
from mailcore.services import audit
from mailcore.services.accounts import accounts, addresses
from mailcore.services.credentials import credentials, login, login_log
from mailcore.services.delivery import sending_limits
from mailcore.services.operations import administration
from mailcore.services.signin import recovery, two_factor, web_sessions
from mailcore.store.people import presence
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser

ACTS = (
    "quota", "sessions", "hold", "release", "address", "main-address", "address-removal", "role", "close", "reopen",
)  # fmt: skip


def _entry(core: Core, name: str, event: str) -> audit.AuditEntry:
    account = accounts.find_account(core, name).id
    return next(one for one in audit.list_entries(core, account) if one.event == event)


def test_n37_an_account_is_found_by_a_word_and_by_its_kind(eva: Browser, core: Core, ola: Account):
    assert ">ola</a>" in eva.get("/admin/accounts?q=nordmann").text
    assert ">ola</a>" not in eva.get("/admin/accounts?show=staff").text
    assert ">eva</a>" in eva.get("/admin/accounts?show=staff").text
    administration.hold_sending(core, "ola", "x", agent=accounts.find_account(core, "eva"))
    assert ">ola</a>" in eva.get("/admin/accounts?show=held").text
    assert ">ola</a>" not in eva.get("/admin/accounts?show=closed").text


def test_n37_an_account_is_created_and_its_link_is_shown_once(eva: Browser, core: Core):
    page = eva.send("/admin/accounts/new", name="kari", display_name="Kari Vik", quota="4G", language="nn").text
    link = re.search(r'<code class="secret">([^<]+)</code>', page)
    assert link
    kari = accounts.find_account(core, "kari")
    assert (kari.display_name, kari.quota, kari.language) == ("Kari Vik", 4 * 2**30, "nn")
    assert _entry(core, "kari", "account made").actor == "eva"
    assert _entry(core, "kari", "password link made").actor == "eva"
    assert link[1] not in eva.get("/admin/accounts/kari").text


def test_n37_with_a_contact_address_the_link_is_mailed_and_not_shown(eva: Browser, core: Core):
    page = eva.send("/admin/accounts/new", name="kari", contact="kari@elsewhere.example", language="en").text
    assert "on its way to kari@elsewhere.example" in page
    assert "secret" not in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"name": "ola"}, "not available"), ({"name": "root"}, "not available"), ({"name": "é"}, "cannot be used"),
     ({"name": "per", "quota": "much"}, "not a valid quota"), ({"name": "per", "quota": "0"}, "not a valid quota")],
)  # fmt: skip
def test_n37_what_cannot_be_an_account_is_refused_on_the_form(eva: Browser, ola: Account, fields: dict, said: str):
    answer = eva.send("/admin/accounts/new", language="en", **fields)
    assert (answer.status_code, said in answer.text) == (400, True)


def test_n37_a_quota_is_changed_with_before_and_after_in_the_log(eva: Browser, core: Core, ola: Account):
    assert eva.send("/admin/accounts/ola/quota", quota="unlimited").status_code == 303
    entry = _entry(core, "ola", "quota changed")
    assert (entry.actor, entry.detail) == ("eva", "0 octets, before 2147483648")
    assert "unlimited, before 2 GB" in eva.get("/admin/accounts/ola").text


def test_n37_a_role_asks_for_the_password_once_more(eva: Browser, core: Core, ola: Account):
    assert eva.send("/admin/accounts/ola/role", role="desk", password="wrong").status_code == 400
    assert accounts.get_role(core, ola.id) == ""
    assert eva.send("/admin/accounts/ola/role", role="desk", password=PASSWORD).status_code == 303
    assert _entry(core, "ola", "role given").detail == "desk, before none"
    assert "help desk, before no role" in eva.get("/admin/accounts/ola").text


@pytest.mark.parametrize("act", ["role", "close"])
def test_n37_with_a_second_step_grave_acts_ask_for_its_code_too(eva: Browser, core: Core, ola: Account, act: str):
    owner = accounts.find_account(core, "eva")
    secret, _ = two_factor.begin_totp(core, owner)
    app = HOTP(b32decode(secret), 6, SHA1())  # noqa: S303 - what every app does
    two_factor.finish_totp(core, owner, app.generate(core.clock.seconds() // 30).decode())
    codes = recovery.create_codes(core, owner)
    fields = {"password": PASSWORD, "role": "admin"}
    assert "Code of your two-step log-in" in eva.get(f"/admin/accounts/ola/{act}").text
    assert eva.send(f"/admin/accounts/ola/{act}", **fields).status_code == 400
    assert eva.send(f"/admin/accounts/ola/{act}", code="000000", **fields).status_code == 400
    assert (accounts.get_role(core, ola.id), accounts.load_account(core, ola.id).state) == ("", AccountState.ACTIVE)
    assert eva.send(f"/admin/accounts/ola/{act}", code=codes[0], **fields).status_code == 303
    assert eva.send("/admin/accounts/ola/reopen", code=codes[0], **fields).status_code == 400  # a code is good once


def test_n37_an_account_is_closed_and_opened_again(eva: Browser, core: Core, ola: Account):
    assert eva.send("/admin/accounts/ola/close", password=PASSWORD).status_code == 303
    assert accounts.load_account(core, ola.id).state is AccountState.CLOSED
    assert ">ola</a>" in eva.get("/admin/accounts?show=closed").text
    assert eva.send("/admin/accounts/ola/reopen", password=PASSWORD).status_code == 303
    assert accounts.load_account(core, ola.id).state is AccountState.ACTIVE
    assert (_entry(core, "ola", "account closed").actor, _entry(core, "ola", "account opened again").actor) == (
        "eva",
        "eva",
    )


def test_n37_an_address_is_added_written_from_and_removed(eva: Browser, core: Core, ola: Account):
    new, old = "ola.vik@alumni.example", "ola@alumni.example"
    assert "Remove an address" not in eva.get("/admin/accounts/ola").text
    assert eva.send("/admin/accounts/ola/address", address="Ola.Vik").status_code == 303
    assert new in eva.get("/admin/accounts/ola").text
    assert eva.send("/admin/accounts/ola/main-address", address=new).status_code == 303
    assert accounts.load_account(core, ola.id).address("alumni.example") == new
    assert eva.send("/admin/accounts/ola/address-removal", address=old, password="wrong").status_code != 303
    assert eva.send("/admin/accounts/ola/address-removal", address=old, password=PASSWORD).status_code == 303
    assert [own.spec for own in addresses.list_own(core, ola.id) if not own.removed] == [new]
    entries = [_entry(core, "ola", event) for event in ("address added", "address to write under", "address removed")]
    assert [(entry.actor, entry.detail) for entry in entries] == [("eva", new), ("eva", new), ("eva", old)]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("eva", "address is not available"),
        ("root", "address is not available"),
        ("a b", "cannot be an address"),
        ("ola@elsewhere.example", "cannot be an address"),
    ],
)
def test_n37_what_cannot_be_an_address_here_is_refused_on_the_form(eva: Browser, ola: Account, written: str, said: str):
    answer = eva.send("/admin/accounts/ola/address", address=written)
    assert (answer.status_code, said in answer.text, f'value="{written}"' in answer.text) == (400, True, True)


def test_n37_an_address_that_is_written_from_is_not_removed(eva: Browser, core: Core, ola: Account):
    addresses.add_address(core, ola.id, "ola.vik", actor="test")
    removal = {"address": "ola@alumni.example", "password": PASSWORD}
    assert eva.send("/admin/accounts/ola/address-removal", **removal).status_code == 400
    assert len(addresses.list_own(core, ola.id)) == 2


def test_n37_sending_is_held_and_released(eva: Browser, core: Core, ola: Account):
    assert eva.send("/admin/accounts/ola/hold", why="strange mail").status_code == 303
    assert sending_limits.why_held(core, ola.id) == "strange mail"
    assert "Sending is on hold: strange mail" in eva.get("/admin/accounts/ola").text
    assert eva.send("/admin/accounts/ola/release", drop="y").status_code == 303
    assert sending_limits.why_held(core, ola.id) == ""
    assert (_entry(core, "ola", "sending held").actor, _entry(core, "ola", "sending released").actor) == ("eva", "eva")


def test_n37_an_account_is_logged_out_everywhere(eva: Browser, core: Core, ola: Account):
    other = Browser(create_app(core).test_client())
    other.log_in()
    assert eva.send("/admin/accounts/ola/sessions").status_code == 303
    assert web_sessions.list_sessions(core, ola.id) == []
    assert other.get("/account").headers["Location"].startswith("/login")
    assert _entry(core, "ola", "logged out everywhere").detail == "1 browsers"
    login.authenticate(core, "ola", PASSWORD, peer="192.0.2.1", scope=Scope.PORTAL)  # the password stays


def test_n37_an_account_that_nobody_used_gets_a_link_after_a_proof(eva: Browser, core: Core):
    accounts.add_account(core, "kari")
    assert "/admin/accounts/kari/first-password" in eva.get("/admin/accounts/kari").text
    page = eva.send("/admin/accounts/kari/first-password", password="wrong")
    assert (page.status_code, "secret" in page.text) == (400, False)
    page = eva.send("/admin/accounts/kari/first-password", password=PASSWORD)
    assert (page.status_code, "secret" in page.text) == (200, True)


def _set_password(core: Core, account: Account) -> None:
    credentials.set_password(core, account.id, PASSWORD)


def _log_in_by(source: str) -> Callable[[Core, Account], None]:
    return lambda core, account: login_log.record_login(core, Identity(account, source), Scope.PORTAL, "192.0.2.1")


def _log_in_long_ago(core: Core, account: Account) -> None:
    """Leave of a log-in what is there after ninety days."""
    core.db.write(lambda tx: presence.save_sign(tx, account.id, core.clock.seconds() + 3600))


@pytest.mark.parametrize("use", [_set_password, _log_in_by("directory"), _log_in_by("feide"), _log_in_long_ago])
def test_n37_an_administrator_opens_no_mailbox_that_is_used(eva: Browser, core: Core, use: Callable):
    use(core, accounts.add_account(core, "per"))
    page = eva.get("/admin/accounts/per").text
    assert ("/desk/people/per/recover" in page, "/per/first-password" in page) == (True, False)
    answer = eva.send("/admin/accounts/per/first-password", password=PASSWORD)
    assert (answer.status_code, "secret" in answer.text) == (400, False)
    with pytest.raises(NotAllowed):
        administration.create_link(core, "per", agent=accounts.find_account(core, "eva"))


def test_n37_nobody_lets_themselves_in_again(eva: Browser):
    assert "/recover" not in eva.get("/admin/accounts/eva").text


@pytest.mark.parametrize("act", ACTS)
def test_n37_nobody_acts_on_their_own_account(eva: Browser, core: Core, act: str):
    addresses.add_address(core, accounts.find_account(core, "eva").id, "eva.vik", actor="test")
    fields = {"role": "desk", "quota": "90G", "why": "x", "address": "eva.vik@alumni.example"}
    answer = eva.send(f"/admin/accounts/eva/{act}", password=PASSWORD, **fields)
    assert (answer.status_code, "your own account" in answer.text) == (400, True)
    assert accounts.get_role(core, accounts.find_account(core, "eva").id) == "admin"


@pytest.mark.parametrize("act", ACTS)
def test_n37_who_is_no_administrator_any_more_acts_on_nobody(core: Core, ola: Account, act: str):
    agnes = accounts.add_account(core, "agnes")
    accounts.set_role(core, "agnes", "desk")
    agnes = accounts.load_account(core, agnes.id)
    doing = {
        "quota": lambda: administration.set_quota(core, "ola", "4G", agent=agnes),
        "sessions": lambda: administration.end_sessions(core, "ola", agent=agnes),
        "hold": lambda: administration.hold_sending(core, "ola", "x", agent=agnes),
        "release": lambda: administration.release_sending(core, "ola", drop=True, agent=agnes),
        "address": lambda: administration.add_address(core, "ola", "o.n", is_main=True, agent=agnes),
        "main-address": lambda: administration.set_main_address(core, "ola", "ola", agent=agnes),
        "address-removal": lambda: administration.remove_address(core, "ola", "ola", agent=agnes),
        "role": lambda: administration.set_role(core, "ola", "admin", agent=agnes),
        "close": lambda: administration.close_account(core, "ola", agent=agnes),
        "reopen": lambda: administration.reopen_account(core, "ola", agent=agnes),
    }
    with pytest.raises(NotAllowed):
        doing[act]()
    assert accounts.load_account(core, ola.id) == ola


def test_n37_an_unknown_act_is_no_page(eva: Browser, ola: Account):
    assert eva.get("/admin/accounts/ola/delete-everything").status_code == 404
    assert eva.get("/admin/accounts/nobody").status_code == 404


def test_n37_the_content_of_mail_is_on_no_page_of_an_account(eva: Browser, core: Core, ola: Account):
    inbox = core.db.read(lambda tx: core.mail.mailbox(tx, ola.id, "INBOX"))
    secret = b"From: x@y.example\r\nSubject: TopSecretSubject\r\n\r\nTopSecretBody\r\n"
    core.db.write(
        lambda tx: core.mail.append(tx, ola.id, inbox.id, core.blobs.prepare(secret), frozenset(), core.clock.now())
    )
    for page in ("/admin/accounts?q=ola", "/admin/accounts/ola", *(f"/admin/accounts/ola/{act}" for act in ACTS)):
        text = eva.get(page).text
        assert "TopSecret" not in text
        assert "y.example" not in text


def test_n37_the_owner_sees_that_somebody_looked(eva: Browser, core: Core, ola: Account):
    eva.get("/admin/accounts/ola")
    assert _entry(core, "ola", "looked at by the help desk").actor == "eva"
