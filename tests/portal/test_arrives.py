"""The share of forwarded mail that each provider took (N42)."""

from dataclasses import replace

import pytest

from mailcore.services.accounts import accounts
from mailcore.services.forwarding import arrivals
from mailcore.services.forwarding.arrivals import Arrival
from mailcore.store.forwarding import onward, probes
from mailcore.store.forwarding.probes import ProbePlace
from portal import create_app
from tests.portal.conftest import PASSWORD, Browser


def answer(core, people, count, host, target, state, code=250, reply="250 ok", first=1):
    """So many messages of so many people, and what the host said."""
    now = core.clock.seconds()

    def write(tx):
        for number in range(count):
            item = first + number
            onward.add_message(tx, item, 1000 + number % people, b"x%d" % item, target, now)
            if state != "waiting":
                onward.save_answer(tx, item, state, host=host, code=code, reply=reply, now=now)

    core.db.write(write)


@pytest.fixture
def counted(core, ola):
    google, microsoft = "gmail-smtp-in.l.google.com", "x-no.mail.protection.outlook.com"
    answer(core, 12, 995, google, "a@gmail.com", "delivered")
    answer(core, 12, 5, google, "a@gmail.com", "refused", 550, "550 5.7.1 looks like spam", first=2000)
    answer(core, 12, 40, google, "a@gmail.com", "refused", 552, "552 5.2.2 The mailbox is full", first=3000)
    answer(core, 3, 500, microsoft, "a@firma.example", "delivered", first=4000)  # of three people
    answer(core, 20, 10, "mx.liten.example", "a@liten.example", "delivered", first=5000)
    answer(core, 1, 7, "", "a@gmail.com", "waiting", first=6000)
    answer(core, 1, 9, "", "a@alumni.example", "here", first=7000)

    def probe(tx):
        for number, place in enumerate((ProbePlace.INBOX, ProbePlace.INBOX, ProbePlace.SPAM)):
            probes.add_probe(tx, ola.id, "ola@gmail.com", str(number), number, core.clock.seconds())
            probes.save_place(tx, ola.id, number + 1, place, core.clock.seconds())

    core.db.write(probe)
    return arrivals.count_arrivals(core)


def test_n42_each_provider_by_its_own_replies(counted):
    google, others = counted.rows
    assert google == Arrival("Google", 995, 5, 40, 7, 12, 2, 1, 0)
    assert google.permille == 995
    assert (others.provider, others.taken, others.refused) == ("", 510, 0)  # few people, or few messages


def test_n42_what_is_older_than_thirty_days_is_not_counted(core, ola):
    answer(core, 12, 200, "mx.google.com", "a@gmail.com", "delivered")
    core.db.write(lambda tx: tx.run("UPDATE onward SET at=at-?", arrivals.WINDOW_SECONDS + 1))
    assert arrivals.count_arrivals(core).rows == ()


@pytest.mark.parametrize(
    ("host", "domain", "provider"),
    [
        ("gmail-smtp-in.l.google.com", "firma.example", "Google"),
        ("notgoogle.com", "gmail.com", ""),
        ("google.com.evil.example", "x.example", ""),
        ("", "GMAIL.com", "Google"),
        ("mx01.mail.icloud.com", "me.com", "Apple"),
        ("firma-no.mail.protection.outlook.com.", "firma.example", "Microsoft"),
    ],
)
def test_n42_a_provider_is_known_by_its_host(host, domain, provider):
    assert arrivals.find_provider(host, domain) == provider


def test_n42_it_is_published_only_where_the_site_says_so(core, browser, inside, counted):
    stranger = Browser(browser.client.application.test_client())
    assert stranger.get("/arrives").status_code == 404
    assert inside.get("/arrives").status_code == 404
    accounts.add_account(core, "anne", password=PASSWORD, language="en")
    accounts.set_role(core, "anne", "desk")
    desk = Browser(browser.client.application.test_client())
    desk.log_in("anne")
    shown = desk.get("/arrives").text
    assert "99.5 %" in shown
    assert "Only the help desk sees this page." in shown
    forwarding = replace(core.config.forwarding, publish_arrivals=True)
    open_core = replace(core, config=replace(core.config, forwarding=forwarding))
    shown = Browser(create_app(open_core).test_client()).get("/arrives?lang=en").text
    assert "99.5 %" in shown
    assert "Only the help desk" not in shown
    assert "gmail.com" not in shown


def test_n42_before_the_first_count_it_says_so(core):
    forwarding = replace(core.config.forwarding, publish_arrivals=True)
    open_core = replace(core, config=replace(core.config, forwarding=forwarding))
    assert "Nothing has been counted yet." in Browser(create_app(open_core).test_client()).get("/arrives?lang=en").text
