"""Forgotten passwords: by link, by printed code, by the desk; nobody learns who is here (S14, S15, N20)."""

import re
import time

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import InvalidName, LinkExpired, NotAllowed, TooMany, WrongPassword
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.credentials import contact_addresses, credentials, login
from mailcore.services.delivery import queue_admin
from mailcore.services.limits import mail_limits
from mailcore.services.signin import password_requests, recovery, two_factor
from mailcore.store.people import contact_addresses as contact_store
from mailcore.store.people import second_factors
from mailcore.store.people.second_factors import FactorKind
from tests.processor import without_collecting
from tests.readers import text_of
from tests.services.conftest import SetClock

OLD, NEW = "en god lang setning", "en helt annen setning"
OUTSIDE = "ola@home.example"


@pytest.fixture
def ola(core: Core) -> Account:
    made = accounts.add_account(core, "ola", display_name="Ola Nordmann", password=OLD, contact=OUTSIDE)
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, made.id, OUTSIDE))
    return made


def enter(core: Core, password: str, scope: Scope = Scope.IMAP, peer: str = "192.0.2.1") -> str:
    return login.authenticate(core, "ola", password, peer=peer, scope=scope).source


def mailed(core: Core, subject: str = "password/link") -> list[tuple[str, str]]:
    """Recipients and tokens of the links that were sent."""
    found = []
    for item in queue_admin.list_queue(core):
        token = re.search(rf"/{subject}/(\S+)", text_of(queue_admin.octets(core, item.id)))
        if token:
            found.append((item.recipient, token[1]))
    return found


def test_s15_a_link_goes_to_the_verified_address_and_sets_the_password_once(core: Core, ola: Account) -> None:
    password_requests.send_links(core, "Ola@alumni.example", peer="198.51.100.1")
    [(to, token)] = mailed(core)
    assert to == OUTSIDE
    assert credentials.find_link_account(core, token) == credentials.find_link_account(
        core, token
    )  # looking spends nothing
    credentials.redeem_link(core, token, NEW)
    assert enter(core, NEW) == "alumni"
    for again in (token, "unknown"):
        with pytest.raises(LinkExpired):
            credentials.redeem_link(core, again, NEW)


@pytest.mark.parametrize("name", ["kari", "per", "nobody", "ola@elsewhere.example", ""])
def test_s15_who_cannot_be_written_to_gets_the_same_answer_and_no_mail(core: Core, ola: Account, name: str) -> None:
    accounts.add_account(core, "kari", password=OLD)
    accounts.add_account(core, "per", password=OLD, contact="per@home.example")  # never confirmed
    password_requests.send_links(core, name, peer="198.51.100.1")
    assert queue_admin.list_queue(core) == []


def test_s15_the_time_tells_nothing(core: Core, ola: Account) -> None:
    """The same work is done: a message is signed and a write is committed, for strangers' names as well."""

    def cost(name: str) -> float:
        with without_collecting():
            start = time.process_time()
            password_requests.send_links(core, name)
            return time.process_time() - start

    cost("ola")
    ratio = sorted(cost(f"nobody{n}") for n in range(5))[2] / sorted(cost("ola") for _ in range(5))[2]
    assert 0.2 < ratio < 5


def test_s15_a_link_lives_thirty_minutes_and_a_newer_one_makes_it_void(
    core: Core, ola: Account, clock: SetClock
) -> None:
    password_requests.send_links(core, "ola")
    password_requests.send_links(core, "ola")
    older, newer = (token for _, token in mailed(core))
    with pytest.raises(LinkExpired):
        credentials.find_link_account(core, older)
    clock.forward(minutes=29)
    credentials.find_link_account(core, newer)
    clock.forward(minutes=2)
    with pytest.raises(LinkExpired):
        credentials.find_link_account(core, newer)


def test_s15_a_log_in_to_the_portal_makes_the_link_void_but_a_mail_program_does_not(core: Core, ola: Account) -> None:
    password_requests.send_links(core, "ola")
    [(_, token)] = mailed(core)
    enter(core, OLD, Scope.IMAP)
    core.db.write(lambda tx: None)
    credentials.find_link_account(core, token)
    enter(core, OLD, Scope.PORTAL)
    core.db.write(lambda tx: None)
    with pytest.raises(LinkExpired):
        credentials.find_link_account(core, token)


def test_s15_links_are_limited_for_an_account_and_for_an_address(core: Core, ola: Account) -> None:
    for _ in range(password_requests.MAILS_PER_HOUR + 3):
        password_requests.send_links(core, "ola", peer="198.51.100.1")
    assert len(mailed(core)) == password_requests.MAILS_PER_HOUR
    for _ in range(mail_limits.PLACE_HOUR - password_requests.MAILS_PER_HOUR - 3):
        password_requests.send_links(core, "nobody", peer="198.51.100.1")
    with pytest.raises(TooMany):
        password_requests.send_links(core, "nobody", peer="198.51.100.1")
    password_requests.send_links(core, "nobody", peer="198.51.100.2")


def test_s14_a_change_ends_connections_voids_links_and_is_told_to_the_contact(core: Core, ola: Account) -> None:
    opened = login.authenticate(core, "ola", OLD, peer="192.0.2.1", scope=Scope.IMAP)
    password_requests.send_links(core, "ola")
    [(_, token)] = mailed(core)
    credentials.change_password(core, ola.id, OLD, NEW)
    assert not core.db.read(lambda tx: login.is_still_valid(tx, opened))
    with pytest.raises(LinkExpired):
        credentials.find_link_account(core, token)
    told = [
        i
        for i in queue_admin.list_queue(core)
        if "Passordet for ola er endret" in text_of(queue_admin.octets(core, i.id))
    ]
    assert [item.recipient for item in told] == [OUTSIDE]


# Contact addresses


@pytest.mark.parametrize(
    "address", ["ola@alumni.example", "x@srs.alumni.example", "no address", "a@b", "a@b.c, d@e.f", ""]
)
def test_s15_an_address_that_helps_nobody_is_no_contact(core: Core, ola: Account, address: str) -> None:
    with pytest.raises(InvalidName):
        contact_addresses.request_verification(core, ola.id, address)


def test_s15_an_address_counts_when_its_link_was_used(core: Core, ola: Account) -> None:
    contact_addresses.request_verification(core, ola.id, "new@work.example")
    assert contact_addresses.list_verified(core, ola.id) == [OUTSIDE]
    [(to, token)] = mailed(core, "account/contact")
    assert to == "new@work.example"
    assert contact_addresses.read_link(core, token)[1] == "new@work.example"
    contact_addresses.confirm_address(core, token)
    assert contact_addresses.list_verified(core, ola.id) == [OUTSIDE, "new@work.example"]
    with pytest.raises(LinkExpired):
        contact_addresses.confirm_address(core, token)
    password_requests.send_links(core, "ola")
    assert {to for to, _ in mailed(core)} == {OUTSIDE, "new@work.example"}  # a second contact (N20)


def test_n20_the_old_address_hears_when_contacts_change(core: Core, ola: Account) -> None:
    contact_addresses.remove_address(core, ola.id, OUTSIDE)
    [item] = queue_admin.list_queue(core)
    assert item.recipient == OUTSIDE
    assert accounts.find_account(core, "ola").contact == ""


# Printed codes


def test_n20_a_printed_code_sets_the_password_once(core: Core, ola: Account) -> None:
    codes = recovery.create_codes(core, ola)
    link = recovery.create_link_by_code(core, "ola", codes[3].replace("-", " ").upper(), peer="192.0.2.1")
    credentials.redeem_link(core, link.rpartition("/")[2], NEW)
    assert enter(core, NEW) == "alumni"
    assert recovery.count_codes(core, ola) == recovery.CODES - 1
    with pytest.raises(WrongPassword) as used:
        recovery.create_link_by_code(core, "ola", codes[3], peer="192.0.2.1")
    with pytest.raises(WrongPassword) as unknown:
        recovery.create_link_by_code(core, "nobody", codes[4], peer="192.0.2.1")
    assert str(used.value) == str(unknown.value)
    recovery.create_codes(core, ola)
    with pytest.raises(WrongPassword):
        recovery.create_link_by_code(core, "ola", codes[5], peer="192.0.2.1")


def test_n20_codes_cannot_be_guessed_without_end(core: Core, ola: Account) -> None:
    codes = recovery.create_codes(core, ola)
    for _ in range(core.config.limits.login_failures_per_hour):
        with pytest.raises(WrongPassword):
            recovery.create_link_by_code(core, "ola", "aaaaa-aaaaa", peer="203.0.113.1")
    with pytest.raises(TooMany):
        recovery.create_link_by_code(core, "ola", codes[0], peer="203.0.113.1")


@pytest.mark.once
def test_s15_a_code_for_a_name_that_is_nobody_s_takes_the_same_work(core: Core, ola: Account, monkeypatch) -> None:
    writes: list[str] = []
    real = contact_store.spend_code
    monkeypatch.setattr(contact_store, "spend_code", lambda *given: bool(writes.append("")) or real(*given))
    for name in ("ola", "nobody"):
        with pytest.raises(WrongPassword):
            recovery.create_link_by_code(core, name, "aaaaa-aaaaa", peer="203.0.113.1")
    assert len(writes) == 2


# The desk


@pytest.fixture
def agents(core: Core) -> tuple[str, str]:
    for name in ("anne", "berit"):
        accounts.add_account(core, name, password=OLD)
        accounts.set_role(core, name, "desk")
    return "anne", "berit"


def second_factor(core: Core, account: Account) -> None:
    core.db.write(lambda tx: second_factors.add_factor(tx, account.id, FactorKind.TOTP, "", "", "x", 0, 0, active=True))


def test_s15_an_agent_issues_a_link_and_never_a_password(core: Core, ola: Account, agents: tuple[str, str]) -> None:
    issued = recovery.issue_link(
        core, "ola", agent="anne", proof="passport shown at the desk", send_to="found@again.example"
    )
    assert issued == recovery.Issued()  # the agent sees no link where it is mailed
    [token] = [token for to, token in mailed(core) if to == "found@again.example"]
    credentials.redeem_link(core, token, NEW)
    assert enter(core, NEW) == "alumni"
    events = audit.list_entries(core, ola.id)
    assert ("anne", "recovery link issued") in {(event.actor, event.event) for event in events}
    assert any("passport" in event.detail for event in events)
    notice = [i for i in queue_admin.list_queue(core) if "anne" in text_of(queue_admin.octets(core, i.id))]
    assert OUTSIDE in {item.recipient for item in notice}  # the owner hears of it at the address we know


@pytest.mark.parametrize(("agent", "proof"), [("kari", "seen"), ("ola", "seen"), ("anne", " ")])
def test_s15_only_agents_issue_links_not_for_themselves_and_not_without_proof(core, ola, agents, agent, proof):
    accounts.add_account(core, "kari", password=OLD)
    accounts.set_role(core, "ola", "admin")
    with pytest.raises(NotAllowed):
        recovery.issue_link(core, "ola", agent=agent, proof=proof)


def test_s15_an_account_with_two_factors_needs_a_second_agent(
    core: Core, ola: Account, agents: tuple[str, str]
) -> None:
    second_factor(core, ola)
    issued = recovery.issue_link(core, "ola", agent="anne", proof="passport")
    assert issued.link == ""
    assert issued.waiting is not None
    [waiting] = recovery.list_waiting(core)
    for wrong in ("anne", "ola"):
        with pytest.raises(NotAllowed):
            recovery.approve_recovery(core, waiting.id, agent=wrong)
    assert two_factor.is_on(core, ola.id)
    done = recovery.approve_recovery(core, waiting.id, agent="berit")
    assert not two_factor.is_on(core, ola.id)
    credentials.redeem_link(core, done.link.rpartition("/")[2], NEW)
    assert enter(core, NEW) == "alumni"
    with pytest.raises(LinkExpired):
        recovery.approve_recovery(core, waiting.id, agent="berit")


def test_s15_one_agent_does_not_become_the_second_by_letting_a_colleague_in(core, ola, agents) -> None:
    issued = recovery.issue_link(core, "berit", agent="anne", proof="I know her")
    assert issued.link == ""
    accounts.add_account(core, "cato", password=OLD)
    accounts.set_role(core, "cato", "admin")
    [waiting] = recovery.list_waiting(core)
    assert recovery.approve_recovery(core, waiting.id, agent="cato").link


def test_n20_a_recovery_that_nobody_agrees_to_ends(
    core: Core, ola: Account, agents: tuple[str, str], clock: SetClock
) -> None:
    second_factor(core, ola)
    recovery.issue_link(core, "ola", agent="anne", proof="passport")
    [first] = recovery.list_waiting(core)
    recovery.refuse_recovery(core, first.id, agent="berit")
    assert recovery.list_waiting(core) == []
    recovery.issue_link(core, "ola", agent="anne", proof="passport")
    [second] = recovery.list_waiting(core)
    clock.forward(days=8)
    assert recovery.list_waiting(core) == []
    with pytest.raises(LinkExpired):
        recovery.approve_recovery(core, second.id, agent="berit")
