"""DNS as it is remembered."""

import socket

import pytest

from mailcore.config import Config, Dns
from mailcore.net.dns import DnsTrouble, NotKnownYet, Resolver, text_of
from tests.outside import dns_server


def test_answers_and_their_absence_are_remembered_for_their_time(clock):
    zone = {("a.example", "TXT"): ['"one" "two"']}
    with dns_server(zone) as server:
        names = Resolver(Config(dns=Dns((server,))), clock)
        with pytest.raises(NotKnownYet):
            names.remembered("a.example", "TXT")
        assert [text_of(record) for record in names.lookup("A.example", "TXT")] == ["onetwo"]
        assert names.lookup("b.example", "TXT") == ()
        assert names.lookup("a.example", "MX") == ()
        zone.clear()
        assert names.remembered("a.example", "TXT")
        clock.forward(seconds=61)
        assert names.lookup("a.example", "TXT") == ()


def test_a_server_that_fails_is_trouble_for_that_name_only(clock):
    with dns_server({("a.example", "TXT"): ['"x"']}, broken=("b.example",)) as server:
        names = Resolver(Config(dns=Dns((server,))), clock)
        with pytest.raises(DnsTrouble):
            names.lookup("b.example", "TXT")
        with pytest.raises(DnsTrouble):
            names.remembered("b.example", "TXT")
        assert names.lookup("a.example", "TXT")


@pytest.mark.slow
def test_when_no_server_answers_the_next_questions_do_not_wait(clock):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        names = Resolver(Config(dns=Dns((f"127.0.0.1:{silent.getsockname()[1]}",))), clock)
        with pytest.raises(DnsTrouble):
            names.lookup("a.example", "TXT")
        with pytest.raises(DnsTrouble):
            names.remembered("b.example", "TXT")  # without being asked
        clock.forward(seconds=16)
        with pytest.raises(NotKnownYet):
            names.remembered("b.example", "TXT")


@pytest.mark.slow
def test_a_name_whose_servers_are_silent_does_not_silence_the_others(clock):
    """A stranger's domain would turn every check off for all for a while."""
    with dns_server({("a.example", "TXT"): ['"x"']}, slow=("slow.example",)) as server:
        names = Resolver(Config(dns=Dns((server,))), clock)
        with pytest.raises(DnsTrouble):
            names.lookup("slow.example", "TXT")
        assert names.lookup("a.example", "TXT")


@pytest.mark.parametrize("name", ["", ".", "a" * 64 + ".example", "a..b", "x" * 300, "\x00.example", "æ.example"])
def test_what_is_no_name_has_no_records(clock, name):
    with dns_server({("x", "A"): ["192.0.2.1"]}) as server:
        assert Resolver(Config(dns=Dns((server,))), clock).lookup(name, "TXT") == ()
