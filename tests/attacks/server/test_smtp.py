"""SMTP: what is no message ends none, what is no command does nothing, and nobody sends in another's name."""

import pytest

from tests.attacks.server import smtp_cases
from tests.attacks.server.case import Case, fits
from tests.attacks.server.conftest import Service
from tests.attacks.server.wire import Wire

STRANGERS = [
    *smtp_cases.SMUGGLING_CASES,
    *smtp_cases.BDAT_CASES,
    *smtp_cases.COMMAND_CASES,
    *smtp_cases.ENVELOPE_CASES,
    *smtp_cases.MESSAGE_CASES,
]


def replies(wire: Wire, case: Case) -> list[bytes]:
    wire.send(case.sent)
    return [wire.reply() for _ in case.right.split()]


@pytest.mark.parametrize("case", STRANGERS, ids=str)
def test_a_stranger(service: Service, case: Case) -> None:
    with service.smtp() as wire:
        heard = replies(wire, case)
        assert fits(heard, case.right), heard


@pytest.mark.parametrize("case", smtp_cases.LOGIN_CASES, ids=str)
def test_who_sends(service: Service, case: Case) -> None:
    with service.wire("submissions", tls=True) as wire:
        wire.reply()
        wire.send(b"EHLO attacker.example\r\n")
        wire.reply()
        if case.more == "guesses":
            wire.send(case.sent)
            said = wire.rest()
            assert said.count(b"535 ") == 5
            assert b"421 " in said
            return
        heard = replies(wire, case)
        assert fits(heard, case.right), heard


@pytest.mark.parametrize("case", smtp_cases.INJECTED, ids=str)
@pytest.mark.parametrize("listener", ["smtp", "submission"])
def test_what_was_said_in_the_clear_does_not_count_within_tls(service: Service, listener: str, case: Case) -> None:
    with service.wire(listener) as wire:
        wire.reply()
        wire.send(b"EHLO attacker.example\r\n")
        wire.reply()
        wire.send(case.sent)
        while not (reply := wire.reply()).startswith(b"220"):
            assert reply
        wire.start_tls()
        wire.send(b"NOOP\r\nDATA\r\n")
        assert fits([wire.reply(), wire.reply()], "250 503|530")


def test_nothing_was_smuggled(service: Service) -> None:
    """After all of them: what stood behind a false end is in the text of the first message, or nowhere."""
    subjects = service.subjects("kari")
    assert "hei" in subjects
    assert "smuggled" not in subjects
    assert "forged" not in service.subjects("liv")
