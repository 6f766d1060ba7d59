"""Ordering with the university's log-in, names that look alike, proof that the desk asks for (S03, S05, S06, S07)."""

import asyncio
import re
from dataclasses import replace
from functools import partial

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.domain import Envelope, Proven
from mailcore.errors import AccountExists, InvalidName, NotAllowed, NotEligible, OrderNotFound, TooMany
from mailcore.services import audit
from mailcore.services.accounts import accounts, affiliations, closing, orders, user_names
from mailcore.services.credentials import contact_addresses, credentials
from mailcore.services.delivery import delivery, queue_admin, recipients
from mailcore.services.tickets import tickets
from mailcore.store.people.skeleton import skeleton
from tests.directory import university
from tests.readers import text_of

THEIRS = "directory pass æøå"
OLA = Proven("directory", "p1", "Ola Nordmann", "ola", ("student",))


def at_once(core, proven=OLA, *, name="ola", contact="ola@home.example", language="nn", terms=True, key="k1"):
    return orders.create_at_once(core, proven, name=name, contact=contact, language=language, terms=terms, key=key)


submit = partial(
    orders.submit_order,
    name="kari",
    display_name="Kari Nordmann",
    contact="kari@home.example",
    affiliation="cand.mag. 1979",
    language="en",
    terms=True,
    key="k9",
)


def links(core, path: str) -> list[str]:
    found = []
    for item in queue_admin.list_queue(core):
        found += re.findall(rf"/{path}/(\S+)", text_of(queue_admin.octets(core, item.id)))
    return found


@pytest.mark.parametrize(
    "kinds", [("student", "member"), ("alum",), ("employee", "staff"), ("affiliate", "alum"), ("STUDENT",)]
)
def test_s03_each_of_the_four_groups_has_an_account_at_once(core, kinds):
    order, account = at_once(core, replace(OLA, kinds=kinds))
    assert (order.state, account.name, account.person, account.language) == ("approved", "ola", "p1", "nn")


@pytest.mark.parametrize(
    "proven", [replace(OLA, kinds=()), replace(OLA, kinds=("affiliate",)), replace(OLA, person="")]
)
def test_s03_who_is_none_of_them_is_told_so_and_has_nothing(core, proven):
    with pytest.raises(NotEligible):
        at_once(core, proven)
    assert accounts.list_accounts(core) == []


def test_s03_the_real_directory_proves_the_four_groups(tmp_path, clock):
    slapd_folder = tmp_path / "slapd"
    slapd_folder.mkdir()
    with university(slapd_folder) as slapd:
        people = {"stud": ("student",), "former": ("alum",), "staff1": ("employee",), "retired": ("alum", "affiliate")}
        for number, (login, kinds) in enumerate(people.items()):
            slapd.add(login, f"d{number}", THEIRS, *kinds, name=f"Person {login}")
        slapd.add("dead", "d9", THEIRS, "student")
        slapd.set("dead", "accountStatus", "locked")
        core = cores.build(Config(data=str(tmp_path / "data"), directory=slapd.settings()), clock)
        try:
            directory = affiliations.get_directory(core)
            for number, login in enumerate(people):
                entry = directory.verify_login(f" {login.upper()} ", THEIRS)
                assert (entry.person, entry.name, entry.kinds) == (
                    f"d{number}",
                    f"Person {login}",
                    tuple(sorted(people[login])),
                )
            for login, password in (
                ("stud", "wrong"),
                ("stud", ""),
                ("nobody", THEIRS),
                ("*", THEIRS),
                ("dead", THEIRS),
            ):
                assert directory.verify_login(login, password) is None
        finally:
            cores.close(core)


def test_s06_an_order_at_once_is_one_account_however_often_it_is_sent(core):
    first, account = at_once(core)
    again, same = at_once(core)
    assert (again.id, same.id) == (first.id, account.id)
    assert len(accounts.list_accounts(core)) == 1
    with pytest.raises(AccountExists):  # a second account for the same person
        at_once(core, key="k2", name="another")
    assert orders.find_account_of(core, OLA).id == account.id
    assert len(links(core, "account/contact")) == 1
    assert any(
        event.event == "ordered" and orders.TERMS in event.detail for event in audit.list_entries(core, account.id)
    )


def test_s06_nobody_orders_for_another_by_a_key_that_was_used(core):
    at_once(core)
    with pytest.raises(AccountExists):
        at_once(core, replace(OLA, person="p2"))


@pytest.mark.parametrize(("changed", "problem"), [
    ({"terms": False}, NotAllowed), ({"contact": "me@alumni.example"}, InvalidName), ({"contact": ""}, InvalidName),
    ({"name": "ø"}, InvalidName), ({"name": "postmaster"}, AccountExists), ({"name": "p0stmaster"}, AccountExists),
    ({"name": "kari"}, AccountExists), ({"name": "kar.i"}, AccountExists), ({"name": "old"}, AccountExists),
])  # fmt: skip
def test_s06_what_cannot_be_is_refused_and_nothing_is_made(core, changed, problem):
    accounts.add_account(core, "kari")
    accounts.add_account(core, "old")
    closing.close_account(core, "old")
    before = len(accounts.list_accounts(core))
    with pytest.raises(problem):
        at_once(core, **changed)
    assert len(accounts.list_accounts(core)) == before


def test_s06_taken_reserved_and_confusable_get_the_same_words(core):
    accounts.add_account(core, "kari")
    told = set()
    for name in ("kari", "kar-i", "kar1", "adm1n", "p0stmaster"):
        with pytest.raises(AccountExists) as refused:
            at_once(core, name=name)
        told.add(str(refused.value))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ola", "0la"),
        ("marius", "rnarius"),
        ("bill", "bi11"),
        ("a.b", "ab"),
        ("wiki", "vviki"),
    ],
)
def test_s06_names_that_people_confuse_have_one_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


def test_s06_alternatives_are_offered_and_never_taken_silently(core):
    accounts.add_account(core, "ola", person="p7")
    names = orders.propose_names(core, OLA)
    assert names == ["ola.nordmann", "onordmann", "olan"]
    with pytest.raises(AccountExists):
        at_once(core)
    assert at_once(core, name=names[0])[1].name == "ola.nordmann"


def test_s06_names_of_any_script_have_proposals(core):
    proven = replace(OLA, login="", display_name="Åse Bjørg Sætre-Ødegård")
    assert orders.propose_names(core, proven)[0] == "ase.saetre-odegard"
    assert orders.propose_names(core, replace(OLA, login="", display_name="王小明")) != []


def test_s05_after_ordering_mail_from_outside_reaches_the_box(core):
    _, account = at_once(core)
    for address in ("ola@alumni.example", "OLA@alumni.example", "ola+liga@Alumni.Example"):
        found = core.db.read(lambda tx, a=address: recipients.check_recipient(core, tx, a, 10))
        envelope = Envelope("x@outside.example", (address,))
        asyncio.run(delivery.accept(core, envelope, [found], b"Subject: x\r\n\r\nHei\r\n", b""))
    assert core.db.read(lambda tx: core.mail.mailbox(tx, account.id, "INBOX")).messages == 4


def test_s07_the_new_account_has_its_mailboxes_and_a_welcome_in_its_language(core):
    _, account = at_once(core)

    def read(tx):
        boxes = {box.name: box.special_use for box in core.mail.mailboxes(tx, account.id)}
        inbox = core.mail.mailbox(tx, account.id, "INBOX")
        octets = tx.rows(
            "SELECT o.octets FROM message m JOIN blob_octets o ON o.blob=m.blob WHERE m.mailbox=?", inbox.id
        )
        return boxes, text_of(bytes(octets[0][0]))

    boxes, welcome = core.db.read(read)
    assert {
        "INBOX": "",
        "Drafts": "\\Drafts",
        "Sent": "\\Sent",
        "Junk": "\\Junk",
        "Trash": "\\Trash",
    }.items() <= boxes.items()
    assert "2 GB" in welcome
    assert "Velkomen" in welcome  # nynorsk


# Without a log-in


def test_s06_an_order_by_form_goes_to_the_desk_when_the_address_has_answered(core):
    order = submit(core)
    assert (order.state, order.confirmed) == ("submitted", False)
    assert tickets.list_tickets(core) == []
    [token] = links(core, "order/status")
    assert orders.find_by_token(core, token).id == order.id
    for _ in range(2):
        assert orders.confirm_order(core, token).confirmed
    [ticket] = tickets.list_tickets(core)
    assert (ticket.kind, ticket.reply_to) == ("order", "kari@home.example")


def test_s06_whoever_tells_more_at_once_has_confirmed_the_address_too(core):
    submit(core)
    [token] = links(core, "order/status")
    assert orders.answer_question(core, token, name="kari", more="1975 to 1979").confirmed
    [ticket] = tickets.list_tickets(core)
    assert "1975" in tickets.list_messages(core, ticket, notes=True)[0].text


def test_s06_the_desk_asks_for_proof_and_the_person_answers(core):
    order = submit(core)
    orders.ask_for_proof(core, order.id, "When did you study here?", actor="anne")
    assert orders.get_order(core, order.id).state == "awaiting proof"
    token = links(core, "order/status")[-1]
    done = orders.answer_question(core, token, name="kari.n", more="1975 to 1979")
    assert (done.state, done.name) == ("submitted", "kari.n")
    assert "1975" in done.affiliation
    _, link = orders.approve_order(core, order.id, actor="anne")
    account = accounts.find_account(core, "kari.n")
    assert contact_addresses.list_verified(core, account.id) == []
    credentials.redeem_link(core, link.rpartition("/")[2], "ei heilt anna setning")
    assert contact_addresses.list_verified(core, account.id) == ["kari@home.example"]
    with pytest.raises(OrderNotFound):
        orders.find_by_token(core, token)


def test_s06_a_refusal_is_told_with_its_reason(core):
    order = submit(core)
    orders.reject_order(core, order.id, "We find you in no register.", actor="anne")
    assert any(
        "We find you in no register." in text_of(queue_admin.octets(core, item.id))
        for item in queue_admin.list_queue(core)
    )
    with pytest.raises(OrderNotFound):
        orders.ask_for_proof(core, order.id, "?")


def test_s06_abandoned_orders_are_erased_after_thirty_days(core, clock):
    order = submit(core)
    orders.ask_for_proof(core, order.id, "?")
    clock.forward(days=29)
    assert orders.expire_orders(core) == 0
    clock.forward(days=2)
    assert orders.expire_orders(core) == 1
    [(row,)] = core.db.read(
        lambda tx: tx.rows("SELECT display_name||contact||affiliation||person||proof||token FROM orders")
    )
    assert row == ""
    rejected = submit(core, key="k10", name="line")
    orders.reject_order(core, rejected.id, "no")
    clock.forward(days=31)
    orders.expire_orders(core)
    assert orders.get_order(core, rejected.id).contact == ""


def test_s06_orders_are_limited_for_a_stranger_and_for_an_address(core):
    for number in range(orders.PER_CONTACT):
        submit(core, key=f"k{number}", name=f"name{number}x", peer=f"192.0.2.{number}")
    with pytest.raises(TooMany):
        submit(core, key="more", name="another", peer="192.0.2.50")
    for number in range(orders.OPEN_PER_PLACE):
        submit(core, key=f"p{number}", name=f"peer{number}y", contact=f"c{number}@home.example", peer="198.51.100.1")
    with pytest.raises(TooMany):
        submit(core, key="evenmore", name="yetanother", contact="new@home.example", peer="198.51.100.1")


def test_s06_a_log_in_that_the_university_does_not_know_goes_with_the_form_and_is_linked(core):
    proven = Proven("idporten", "", "Kari Nordmann", "", (), "mark-of-kari")
    with pytest.raises(NotEligible):
        orders.check_eligible(core, proven)
    order = submit(core, proven=proven)
    orders.approve_order(core, order.id)
    assert orders.find_account_of(core, proven).name == "kari"


def test_n11_a_reserved_list_names_what_mail_needs():
    assert {
        "postmaster",
        "abuse",
        "hostmaster",
        "mailer-daemon",
        "root",
        "noreply",
        "www",
        "admin",
    } <= accounts.RESERVED
    assert user_names.PROPOSALS == 3
