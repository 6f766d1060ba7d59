"""Contact addresses that die: whoever is given one afterwards gets no link by it (N43, S15)."""

from email import message_from_bytes
from email.policy import default

import pytest

from mailcore.core import Core
from mailcore.domain import Account, Scope
from mailcore.errors import ProofNeeded
from mailcore.queue import outcome
from mailcore.queue.client import Answer
from mailcore.services import audit
from mailcore.services.accounts import accounts, contact_letters
from mailcore.services.credentials import contact_addresses, contact_checks, login
from mailcore.services.operations import jobs
from mailcore.services.signin import password_requests
from mailcore.store.people import contact_addresses as store
from mailcore.store.people import presence
from mailcore.store.queue.items import list_items, read_octets
from tests.services.conftest import SetClock
from tests.services.test_forwarding_returns import arrive, report
from tests.smtp_talk import inbox

PASSWORD = "en god lang setning"
HERE, FAR = "2.0.0.1", "1.0.0.1"


@pytest.fixture
def ola(core: Core) -> Account:
    made = accounts.add_account(core, "ola", password=PASSWORD, contact="ola@elsewhere.example", language="en")
    core.db.write(lambda tx: store.save_verified(tx, made.id, "ola@elsewhere.example", core.clock.seconds()))
    core.db.write(lambda tx: store.save_verified(tx, made.id, "ola@work.example", core.clock.seconds()))
    return made


def subjects(core: Core, recipient: str) -> list[str]:
    items = [item for item in core.db.read(list_items) if item.recipient == recipient]
    octets = [core.db.read(lambda tx, item=item: read_octets(tx, core.blobs, item)) for item in items]
    return [str(message_from_bytes(one, policy=default)["subject"]) for one in octets]


def reply(core: Core, recipient: str, code: int, text: str) -> None:
    """Let the server of an address answer everything that waits for it."""
    now = core.clock.now()

    def write(tx):
        for item in list_items(tx):
            if item.recipient == recipient:
                answer = Answer("mx.example", code, text)
                outcome.record_outcome(core, tx, item, answer, now, outcome.NO_SEQUEL)

    core.db.write(write)


def test_n43_each_confirmed_address_is_asked_twice_a_year(core: Core, clock: SetClock, ola: Account) -> None:
    assert contact_letters.ask_addresses(core) == 0
    clock.forward(days=183)
    assert contact_letters.ask_addresses(core) == 2
    assert subjects(core, "ola@elsewhere.example") == ["Is this still your address?"]
    assert contact_letters.ask_addresses(core) == 0
    clock.forward(days=183)
    assert contact_letters.ask_addresses(core) == 2
    assert contact_letters.ask_addresses in [job.run for job in jobs.list_jobs(core)]


def test_n43_an_address_whose_mailbox_is_gone_gets_no_link_and_its_owner_reads_of_it(
    core: Core, clock: SetClock, ola: Account
) -> None:
    clock.forward(days=183)
    contact_letters.ask_addresses(core)
    reply(core, "ola@elsewhere.example", 550, "5.1.1 no such user")
    assert contact_addresses.list_verified(core, ola.id) == ["ola@work.example"]
    assert accounts.load_account(core, ola.id).contact == "ola@work.example"
    assert "Your contact address does not exist any more" in subjects(core, "ola@work.example")
    assert any(b"does not exist any more" in one for one in inbox(core, "ola"))
    assert [one.detail for one in audit.list_entries(core, ola.id) if one.event == "contact address lost"] == [
        "ola@elsewhere.example"
    ]
    for written in ("ola", "ola@elsewhere.example"):
        password_requests.send_links(core, written, peer=HERE)
    assert subjects(core, "ola@elsewhere.example") == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (250, "2.0.0 taken"),
        (450, "4.1.1 not now"),
        (552, "5.2.2 the mailbox is full"),
        (550, "5.7.1 this looks like spam"),
        (554, "5.7.1 reverse DNS not found"),
        (550, "5.7.1 sender domain does not exist"),
        (550, "Requested action not taken: mailbox unavailable"),
        (0, "no host answers"),
    ],
)
def test_n43_another_answer_takes_nothing_off(core: Core, clock: SetClock, ola: Account, code: int, text: str) -> None:
    clock.forward(days=183)
    contact_letters.ask_addresses(core)
    reply(core, "ola@elsewhere.example", code, text)
    assert len(contact_addresses.list_verified(core, ola.id)) == 2


def test_n43_a_log_in_from_far_is_asked_for_more_also_when_the_last_address_has_died(
    core: Core, clock: SetClock, ola: Account
) -> None:
    login.authenticate(core, "ola", PASSWORD, peer=HERE, scope=Scope.PORTAL)
    core.db.write(lambda tx: contact_checks.record_unknown(core, tx, ola.id, "ola@work.example"))
    core.db.write(lambda tx: contact_checks.record_unknown(core, tx, ola.id, "ola@elsewhere.example"))
    assert accounts.load_account(core, ola.id).contact == ""
    with pytest.raises(ProofNeeded):
        login.authenticate(core, "ola", PASSWORD, peer=FAR, scope=Scope.PORTAL)


def test_n43_an_address_that_lives_after_all_is_confirmed_anew(core: Core, ola: Account) -> None:
    assert core.db.write(lambda tx: contact_checks.record_unknown(core, tx, ola.id, "ola@work.example"))
    assert not core.db.write(lambda tx: contact_checks.record_unknown(core, tx, ola.id, "ola@work.example"))
    core.db.write(lambda tx: contact_addresses.mark_verified(core, tx, ola.id, "ola@work.example"))
    assert "ola@work.example" in contact_addresses.list_verified(core, ola.id)
    for address in ("ola@work.example", "ola@elsewhere.example"):
        contact_addresses.remove_address(core, ola.id, address)
    assert not core.db.read(lambda tx: presence.has_second_way(tx, ola.id))


@pytest.mark.parametrize(("status", "lost"), [("5.1.1", True), ("5.2.2", False), ("4.2.0", False)])
def test_n43_a_report_that_comes_back_later_counts_as_an_answer(
    core: Core, clock: SetClock, ola: Account, status: str, lost: bool
) -> None:
    clock.forward(days=183)
    contact_letters.ask_addresses(core)
    [sender] = [item.sender for item in core.db.read(list_items) if item.recipient == "ola@work.example"]
    before = len(inbox(core, "ola"))
    arrive(core, sender, report("failed" if status[0] == "5" else "delayed", status), "")
    assert ("ola@work.example" not in contact_addresses.list_verified(core, ola.id)) is lost
    assert len(inbox(core, "ola")) == before + lost
