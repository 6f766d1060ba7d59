"""Forwarding: the target is asked first, and some targets are refused."""

import asyncio
import dataclasses

import pytest

from mailcore import core as cores
from mailcore.config import Config, Dns
from mailcore.core import Core
from mailcore.domain import AccountId, Envelope, ForwardingState, Outcome
from mailcore.errors import ForwardingRefused, LinkExpired, ScriptActive, ScriptExists, ScriptInvalid, ScriptNotFound
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery import account_facts
from mailcore.store.queue.items import list_items, read_octets
from sieve import check_script
from tests.outside import dns_server

TARGET = "ola@example.org"
MESSAGE = b"From: kari@example.net\r\nTo: ola@alumni.example\r\nSubject: hei\r\n\r\nHei\r\n"


@pytest.fixture
def ola(core: Core) -> AccountId:
    return accounts.add_account(core, "ola", display_name="Ola", contact="ola@home.example").id


def mail(core: Core, account: AccountId) -> list[tuple[str, str]]:
    """Recipient and origin of all that is queued."""
    return [(i.recipient, i.origin) for i in core.db.read(lambda tx: list_items(tx)) if i.account == account]


def deliver(core: Core) -> Outcome:
    async def run() -> Outcome:
        found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
        envelope = Envelope("kari@example.net", ("ola@alumni.example",))
        return (await delivery.accept(core, envelope, [found], MESSAGE, b""))[0].outcome

    return asyncio.run(run())


def inbox(core: Core, account: AccountId) -> int:
    return core.db.read(lambda tx: core.mail.mailbox(tx, account, "INBOX")).messages


def question(core: Core) -> tuple[str, bytes]:
    """The confirmation's token and message."""
    items = [i for i in core.db.read(lambda tx: list_items(tx)) if i.recipient == TARGET]
    octets = core.db.read(lambda tx: read_octets(tx, core.blobs, items[0]))
    return octets.partition(b"/forwarding/confirm/")[2].split()[0].decode(), octets


def test_the_target_is_asked_and_until_it_agrees_mail_is_only_kept(core: Core, ola: AccountId) -> None:
    assert forwarding.set_forwarding(core, ola, TARGET, copy=True).state is ForwardingState.UNCONFIRMED
    assert mail(core, ola) == [(TARGET, "notice"), ("ola@home.example", "notice")]
    token, octets = question(core)
    assert b"noreply@alumni.example" in octets
    deliver(core)
    assert (TARGET, "forward") not in mail(core, ola)
    assert forwarding.find_question(core, token)[0].name == "ola"
    assert forwarding.confirm_by_link(core, token).state is ForwardingState.HEALTHY
    deliver(core)
    assert (TARGET, "forward") in mail(core, ola)
    assert inbox(core, ola) == 3
    with pytest.raises(LinkExpired):
        forwarding.confirm_by_link(core, token)


def test_without_a_copy_nothing_is_kept_and_stopping_counts_from_the_next_message(core: Core, ola: AccountId) -> None:
    forwarding.set_forwarding(core, ola, TARGET, copy=False, confirmed=True)
    deliver(core)
    assert inbox(core, ola) == 1
    forwarding.stop_forwarding(core, ola)
    deliver(core)
    assert inbox(core, ola) == 2
    assert mail(core, ola).count((TARGET, "forward")) == 1


@pytest.mark.parametrize(
    "target",
    ["ola@alumni.example", "kari@ALUMNI.example", "x@srs.alumni.example", "x@any.alumni.example",
     "x@mx.alumni.example", "a@b.example, c@d.example", "a@b.example c@d.example",
     "nobody", "@example.org", "ola@", "ola@localhost", 'ola"; stop; "@example.org', "ola@example.org\r\nBcc: x@y.example"],
)  # fmt: skip
def test_own_addresses_and_what_is_no_single_address_are_refused(core: Core, ola: AccountId, target: str) -> None:
    with pytest.raises(ForwardingRefused):
        forwarding.set_forwarding(core, ola, target, copy=True, confirmed=True)
    assert forwarding.read_forwarding(core, ola).state is ForwardingState.OFF


def test_s24_an_address_whose_mail_comes_back_to_us_is_refused(tmp_path) -> None:
    zone = {
        ("back.example", "MX"): ["10 front.example.", "20 MX.alumni.example."],
        ("out.example", "MX"): ["10 mx.out.example."],
    }
    with dns_server(zone, broken=("trouble.example",)) as dns:
        core = cores.build(Config(data=str(tmp_path), dns=Dns((dns,))))
        try:
            with pytest.raises(ForwardingRefused, match="come back"):
                forwarding.check_target(core, "x@back.example")
            for domain in ("out.example", "trouble.example", "nothing.example"):  # DNS in trouble is no reason
                assert forwarding.check_target(core, f"x@{domain}") == f"x@{domain}"
        finally:
            cores.close(core)


@pytest.mark.parametrize(("targets", "state"), [("any", "healthy"), ("confirmed", "unconfirmed"), ("none", "")])
def test_the_site_says_which_targets_there_may_be(core: Core, ola: AccountId, targets: str, state: str) -> None:
    settings = dataclasses.replace(core.config, forwarding=dataclasses.replace(core.config.forwarding, targets=targets))
    site = dataclasses.replace(core, config=settings)
    if not state:
        with pytest.raises(ForwardingRefused):
            forwarding.set_forwarding(site, ola, TARGET, copy=True)
    else:
        assert forwarding.set_forwarding(site, ola, TARGET, copy=True).state.value == state


def test_five_permanent_refusals_in_a_row_pause_it_and_mail_is_kept(core: Core, ola: AccountId) -> None:
    forwarding.set_forwarding(core, ola, TARGET, copy=False, confirmed=True)
    for _ in range(4):
        core.db.write(
            lambda tx: forwarding.record_reply(core, tx, ola, target=TARGET, ok=False, permanent=True, reply="550 no")
        )
    assert forwarding.read_forwarding(core, ola).state is ForwardingState.FAILING
    core.db.write(
        lambda tx: forwarding.record_reply(core, tx, ola, target=TARGET, ok=True, permanent=False, reply="250 ok")
    )
    for _ in range(5):
        core.db.write(
            lambda tx: forwarding.record_reply(
                core, tx, ola, target=TARGET, ok=False, permanent=False, reply="451 later"
            )
        )
        core.db.write(
            lambda tx: forwarding.record_reply(core, tx, ola, target=TARGET, ok=False, permanent=True, reply="550 no")
        )
    found = forwarding.read_forwarding(core, ola)
    assert (found.state, found.last_reply) == (ForwardingState.PAUSED, "550 no")
    before = inbox(core, ola)
    deliver(core)
    assert inbox(core, ola) == before + 1


@pytest.mark.parametrize("target", [TARGET, "o'hara+x@example.org"])
@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("when_full", ["forward", "reject"])
def test_every_generated_script_compiles(core: Core, ola: AccountId, target: str, copy: bool, when_full: str) -> None:
    wish = forwarding.set_forwarding(core, ola, target, copy=copy, confirmed=True)
    assert check_script(filters.generate(wish, full_and_forwarding=when_full)) == []
    assert check_script(filters.read_generated(core, ola)) == []


def test_a_full_mailbox_refuses_with_words_in_two_languages_and_a_forwarded_one_passes_on(
    core: Core, ola: AccountId
) -> None:
    accounts.set_quota(core, "ola", 100)
    core.db.write(lambda tx: filters.regenerate(core, tx, ola))
    facts = core.db.read(lambda tx: account_facts.get_facts(tx, [ola]))[ola]
    generated, personal = facts.generated, facts.personal
    assert "full / The mailbox is full" in generated
    assert personal == ""
    forwarding.set_forwarding(core, ola, TARGET, copy=True, confirmed=True)
    before = inbox(core, ola)
    deliver(core)
    assert (TARGET, "forward") in mail(core, ola)
    assert inbox(core, ola) == before


def test_a_personal_script_stays_when_the_forwarding_changes(core: Core, ola: AccountId) -> None:
    filters.put_script(core, ola, "mine", "keep;\r\n")
    filters.set_active_script(core, ola, "mine")
    forwarding.set_forwarding(core, ola, TARGET, copy=True, confirmed=True)
    assert [(s.name, s.source, s.active) for s in filters.read_scripts(core, ola)] == [("mine", "keep;\r\n", True)]
    assert core.db.read(lambda tx: account_facts.get_facts(tx, [ola]))[ola].personal == "keep;\r\n"


def test_scripts_are_put_activated_renamed_and_deleted(core: Core, ola: AccountId) -> None:
    for name in ("a", "b"):
        filters.put_script(core, ola, name, "keep;")
        filters.set_active_script(core, ola, name)
    assert [s.active for s in filters.read_scripts(core, ola)] == [False, True]
    assert filters.put_script(core, ola, "b", "stop;").active
    with pytest.raises(ScriptActive):
        filters.delete_script(core, ola, "b")
    with pytest.raises(ScriptExists):
        filters.rename_script(core, ola, "a", "b")
    with pytest.raises(ScriptInvalid):
        filters.put_script(core, ola, "c", "nonsense")
    with pytest.raises(ScriptNotFound):
        filters.set_active_script(core, ola, "c")
    filters.rename_script(core, ola, "b", "c")
    filters.set_active_script(core, ola, "")
    filters.delete_script(core, ola, "c")
    assert [(s.name, s.active) for s in filters.read_scripts(core, ola)] == [("a", False)]
