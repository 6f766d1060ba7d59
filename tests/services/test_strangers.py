"""Greylisting, DNS block lists, and limits that all processes count together."""

import asyncio

import pytest

from mailcore import core as cores
from mailcore.services.filtering import sender_policy
from mailcore.services.limits import rates
from mailcore.store.site import rates as store
from tests.outside import dns_server
from tests.services.conftest import SetClock
from tests.smtp_talk import build, talk

MAIL = "MAIL FROM:<a@b.example>\r\n"
KARI = "RCPT TO:<kari@alumni.example>\r\n"


@pytest.fixture
def house(tmp_path):
    made = []

    def make(settings: str):
        made.append(build(tmp_path / str(len(made)), settings, clock=SetClock()))
        return made[-1]

    yield make
    for core in made:
        cores.close(core)


def codes(core, sent: str, count: int) -> str:
    heard = []

    async def play(connect):
        heard.append(await (await connect()).codes(sent, count))

    talk(core, play)
    return heard[0]


def test_a_stranger_tries_again_and_is_known_from_then_on(house):
    core = house("[incoming]\ngreylist = true\ngreylist_seconds = 60\n")
    sent = MAIL + KARI + "RCPT TO:<nobody@alumni.example>\r\nRCPT TO:<postmaster@alumni.example>\r\n"
    assert codes(core, sent, 4) == "250 450 550 250"
    core.clock.forward(seconds=30)
    assert codes(core, MAIL + KARI, 2) == "250 450"
    core.clock.forward(seconds=31)
    assert codes(core, MAIL + KARI, 2) == "250 250"
    assert codes(core, "MAIL FROM:<other@b.example>\r\nRCPT TO:<ola@alumni.example>\r\n", 2) == "250 250"
    core.clock.forward(days=37)
    rates.expire_counts(core)
    assert codes(core, MAIL + KARI, 2) == "250 450"


def test_whom_greylisting_keeps_out_gets_no_message(house):
    """One recipient waits, the other takes the message; nothing is delivered to the first."""
    from tests.smtp_talk import inbox

    core = house("[incoming]\ngreylist = true\ngreylist_seconds = 60\n")
    before = len(inbox(core, "kari"))
    body = "DATA\r\nFrom: a@b.example\r\n\r\nx\r\n.\r\n"
    assert codes(core, MAIL + KARI + "RCPT TO:<abuse@alumni.example>\r\n" + body, 5) == "250 450 250 354 250"
    assert len(inbox(core, "kari")) == before


def test_trusted_networks_never_wait(house):
    core = house('[incoming]\ngreylist = true\n[limits]\ntrusted = ["127.0.0.0/8"]\n')
    assert codes(core, MAIL + KARI, 2) == "250 250"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({("1.0.0.127.black.example", "A"): ["127.0.0.2"]}, "250 550 250"),
        ({("1.0.0.127.black.example", "A"): ["127.255.255.254"]}, "250 250 250"),  # the list refuses to be asked
        ({("1.0.0.127.black.example", "A"): ["192.0.2.1"]}, "250 250 250"),  # a domain that was sold
        ({}, "250 250 250"),
    ],
)
def test_who_is_listed_may_only_write_to_postmaster(house, answers, expected):
    with dns_server(answers) as server:
        core = house(f'[incoming]\nblocklists = ["black.example"]\n[dns]\nservers = ["{server}"]\n')
        assert codes(core, MAIL + KARI + "RCPT TO:<postmaster@alumni.example>\r\n", 3) == expected


def test_a_list_that_does_not_answer_names_nobody(house):
    with dns_server({}, broken=("black.example",)) as server:
        core = house(f'[incoming]\nblocklists = ["black.example"]\n[dns]\nservers = ["{server}"]\n')
        assert codes(core, MAIL + KARI, 2) == "250 250"


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("192.0.2.7", "7.2.0.192.l.example"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.l.example"),
    ],
)
def test_names_of_addresses(house, peer, name):
    with dns_server({(name, "A"): ["127.0.0.4"]}) as server:
        core = house(f'[incoming]\nblocklists = ["l.example"]\n[dns]\nservers = ["{server}"]\n')
        assert asyncio.run(sender_policy.find_block_list(core, peer)) == "l.example"


def test_messages_of_one_address_have_a_limit(house):
    core = house("[limits]\nmessages_per_hour = 3\n")
    sent = (MAIL + "RSET\r\n") * 4
    assert codes(core, sent, 8) == "250 250 250 250 250 250 450 250"
    core.clock.forward(hours=1, seconds=1)
    assert codes(core, MAIL, 1) == "250"


def test_who_tries_out_names_is_told_nothing_after_a_while(house):
    """Over connections and over messages: then neither who is here nor who is not can be seen."""
    core = house("[limits]\nunknown_recipients_per_hour = 5\n")
    heard = []

    async def play(connect):
        for client in (await connect(), await connect()):
            heard.append(await client.codes(MAIL + "".join(f"RCPT TO:<n{n}@alumni.example>\r\n" for n in range(3)), 4))
        heard.append((await client.replies(1))[0])
        heard.append(await (await connect()).codes(MAIL + KARI + "RCPT TO:<nobody@alumni.example>\r\n", 3))
        core.clock.forward(hours=1, seconds=1)
        heard.append(await (await connect()).codes(MAIL + KARI, 2))

    talk(core, play)
    assert heard == [
        "250 550 550 550",
        "250 550 550 550",
        "421 4.7.0 Too many unknown recipients",
        "450 503 503",
        "250 250",
    ]


def test_connections_of_one_address_have_a_limit(house):
    core = house("[limits]\nconnections_per_minute = 2\n")

    async def play(connect):
        await connect()
        await connect()
        reader, writer = await asyncio.open_connection("127.0.0.1", (await connect(ehlo=False)).port)
        assert (await reader.read()).startswith(b"421 4.7.0")
        writer.close()

    talk(core, play)


def test_two_processes_together_keep_to_the_limit(house):
    core = house("")

    async def take() -> int:
        one, two = rates.Portions(), rates.Portions()
        taken = 0
        for _ in range(200):
            for process in (one, two):
                taken += await process.count_use(core, "key", limit=100, window_seconds=60)
        return taken

    assert 90 <= asyncio.run(take()) <= 100


def test_a_refused_amount_is_not_counted(house):
    core = house("")

    def play(tx):
        taken = [store.count_if_allowed(tx, "k", amount, 10, 60, 1000) for amount in (6, 5, 4, 1)]
        return taken, store.count_in_window(tx, "k", 60, 1000), store.count_in_window(tx, "k", 60, 1061)

    assert core.db.write(play) == ([True, False, True, False], 10, 0)
