"""Why did I get this, why did that not come (N14)."""

import asyncio

import pytest

from mailcore.domain import (
    Away,
    Disposition,
    Envelope,
    FilterAction,
    FilterCondition,
    FilterField,
    FilterMatch,
    FilterRule,
    FilterVerb,
    Verdict,
)
from mailcore.errors import MailboxNotFound
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients, traces
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters, out_of_office
from mailcore.store.delivery import records
from mailcore.store.forwarding import onward

FRIEND = "ola@elsewhere.example"
OUTSIDE = Verdict(
    author="outside.example", spf="pass", dkim="none", dmarc="pass", policy="none", spf_aligned=True, outside=True
)


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola", password="correct horse battery")


def arrive(core, subject="hei", verdict=OUTSIDE, sender="kari@outside.example"):
    found = core.db.read(lambda tx: recipients.check_recipient(core, tx, "ola@alumni.example", None))
    head = (
        f"From: Kari Nordmann <{sender}>\r\nTo: ola@alumni.example\r\nSubject: {subject}\r\nMessage-ID: <1@x>\r\n\r\n"
    )
    octets = (head + "hei\r\n").encode()
    asyncio.run(delivery.accept(core, Envelope(sender, (found.address,), "192.0.2.1"), [found], octets, b"", verdict))
    return core.blobs.prepare(octets).name


def last(core, ola, words=""):
    return traces.get(core, ola.id, traces.search(core, ola.id, words)[0].id)


def test_n14_a_plain_message_tells_its_checks_and_where_it_is(core, ola):
    arrive(core, subject="=?utf-8?q?S=C3=B8knad?=")
    found = last(core, ola)
    assert (found.outcome, found.detail, found.rules, found.places) == ("filed", "INBOX", (), (("INBOX", 2),))
    assert (found.author, found.subject, found.sender) == (
        "Kari Nordmann <kari@outside.example>",
        "Søknad",
        "kari@outside.example",
    )
    assert (found.checks.spf, found.checks.dkim, found.checks.dmarc, found.checks.domain, found.checks.peer) == (
        "pass",
        "none",
        "pass",
        "outside.example",
        "192.0.2.1",
    )


def test_n14_the_rule_that_fired_is_named(core, ola):
    rules = [
        FilterRule(
            "Annet", (FilterCondition(FilterField.SUBJECT, FilterMatch.IS, "annet"),), (FilterAction(FilterVerb.READ),)
        ),
        FilterRule(
            "Ny: heter #dette",
            (FilterCondition(FilterField.SUBJECT, FilterMatch.IS, "hei"),),
            (FilterAction(FilterVerb.FILE, "Archive"),),
        ),
    ]
    filters.save_rules(core, ola.id, rules)
    arrive(core)
    assert last(core, ola).rules == (("filter", "Ny: heter #dette"),)
    filters.save_rules(core, ola.id, [])
    filters.put_script(core, ola.id, "mine", 'require "fileinto";\r\n\r\nif true {\r\n  fileinto "Archive";\r\n}\r\n')
    filters.set_active_script(core, ola.id, "mine")
    arrive(core, "to")
    assert last(core, ola).rules == (("script", "4"),)
    out_of_office.save_away(core, ola.id, Away(True, None, None, "", "Borte"))
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, confirmed=True)
    arrive(core, "tre")
    assert last(core, ola).rules == (("forwarding", ""), ("away", ""), ("script", "4"))


def test_n14_a_script_that_failed_and_junk_and_a_rejection_are_told(core, ola):
    redirects = "".join(f'redirect "a{n}@outside.example";\n' for n in range(9))
    filters.put_script(core, ola.id, "mine", redirects)
    filters.set_active_script(core, ola.id, "mine")
    arrive(core)
    assert [kind for kind, _ in last(core, ola).rules] == ["failed"]
    arrive(core, "junk", Verdict(author="x.example", dmarc="fail", disposition=Disposition.JUNK, outside=True))
    assert (last(core, ola).rules, last(core, ola).detail) == ((("junk", ""),), "Junk")
    filters.put_script(core, ola.id, "mine", 'require "reject";\nreject "nei takk";\n')
    arrive(core, "nei")
    found = last(core, ola)
    assert (found.outcome, found.detail, found.rules) == ("rejected", "nei takk", (("script", "2"),))


def test_n14_where_it_was_forwarded_and_the_answer(core, ola):
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=False, confirmed=True)
    arrive(core)
    [went] = last(core, ola).onward
    assert (went.target, went.state, went.answered_at) == (FRIEND, "waiting", None)
    core.db.write(
        lambda tx: onward.save_answer(tx, went.item, "refused", host="mx", code=550, reply="550 5.1.1 no", now=1)
    )
    found = last(core, ola)
    assert (found.outcome, found.onward[0].reply, found.places) == ("forwarded", "550 5.1.1 no", ())


def test_n14_what_is_not_forwarded_says_why(core, ola):
    forwarding.set_forwarding(core, ola.id, FRIEND, copy=True, confirmed=True, unsafe="keep")
    arrive(
        core,
        verdict=Verdict(
            author="strict.example", spf="pass", dmarc="pass", policy="reject", spf_aligned=True, outside=True
        ),
    )
    assert ("held", "keep") in last(core, ola).rules


def test_n14_search_finds_sender_author_and_subject_of_thirty_days(core, clock, ola):
    arrive(core, "gammel")
    clock.forward(days=29)
    arrive(core, "Bilder", sender="per@outside.example")
    assert [found.subject for found in traces.search(core, ola.id, "")] == ["Bilder", "gammel"]
    assert [found.subject for found in traces.search(core, ola.id, "PER@")] == ["Bilder"]
    assert [found.subject for found in traces.search(core, ola.id, "kari nordmann gammel")] == ["gammel"]
    clock.forward(days=2)
    assert [found.subject for found in traces.search(core, ola.id, "")] == ["Bilder"]
    assert traces.forget(core) == 1
    assert len(core.db.read(lambda tx: records.list_records(tx, ola.id, 0))) == 1


def test_n14_a_message_in_the_box_leads_to_its_record_and_only_to_ones_own(core, ola):
    arrive(core)
    kari = accounts.add_account(core, "kari")
    found = traces.of_message(core, ola.id, "INBOX", 2)
    assert found is not None
    assert traces.of_message(core, ola.id, "INBOX", 1) is None  # the welcome message was put there by us
    with pytest.raises(MailboxNotFound):
        traces.get(core, kari.id, found.id)
    with pytest.raises(MailboxNotFound):
        traces.of_message(core, ola.id, "INBOX", 99)


def test_n14_a_refusal_at_the_door_is_kept_once_an_hour(core, clock, ola):
    def refuse():
        core.db.write(
            lambda tx: traces.refused_at(
                core,
                tx,
                ["Ola+x@alumni.example", "nobody@alumni.example"],
                sender="kari@outside.example",
                reply="552 5.2.2 full",
            )
        )

    for _ in range(3):
        refuse()
    assert [(found.outcome, found.detail) for found in traces.search(core, ola.id, "kari")] == [
        ("refused", "552 5.2.2 full")
    ]
    clock.forward(hours=2)
    refuse()
    assert len(traces.search(core, ola.id, "kari")) == 2


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (1, ("settings", "Made by us.")),
        (2, ("settings", "Made by us.")),
        (4, ("filter", "A: b")),
        (7, ("filter", "2")),
        (9, ("forwarding", "")),
        (0, ("settings", "")),
    ],
)
def test_a_line_of_a_generated_script_belongs_to_the_comment_above(line, rule):
    source = '# Made by us.\nrequire "copy";\n# Filter 1: A: b\nif true { keep; }\n# Filter 2: \n# Not forwarded: x\n'
    source += "keep;\n# Forwarding; a copy\nkeep;\n"
    assert traces.rule_at(source, line) == rule


def test_n14_a_flood_of_refusals_is_not_all_kept(core, ola):
    for number in range(traces.MAX_REFUSALS + 20):
        core.db.write(
            lambda tx, n=number: traces.refused_at(
                core, tx, ["ola@alumni.example"], sender=f"{n}@bad.example", reply="no"
            )
        )
    assert len(traces.search(core, ola.id, "bad.example")) == traces.MAX_REFUSALS
