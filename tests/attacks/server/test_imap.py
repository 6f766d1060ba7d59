"""IMAP: each lie has one answer, the conversation goes on or ends with BYE, and nobody reaches another's mail."""

import zlib

import pytest

from tests.attacks.server import imap_cases
from tests.attacks.server.case import Case, fits
from tests.attacks.server.conftest import Service
from tests.attacks.server.wire import Wire


def answers(wire: Wire, case: Case) -> list[bytes]:
    """Without their tags."""
    wire.send(case.sent)
    heard, all_of_it = [], b""
    for _ in case.right.split():
        answer, before = wire.tagged()
        while case.more == "skip" and answer and not answer.startswith(b"t OK"):
            answer, before = wire.tagged()
        all_of_it += before + answer
        if answer.startswith(b"* BYE") and case.right.endswith("BYE -"):
            wire.finish()  # or it waits for us, so that its last word is not lost
        heard.append(answer.removeprefix(b"t ").removeprefix(b"* "))
    assert b"SERVERBUG" not in all_of_it
    return heard


@pytest.mark.parametrize("case", imap_cases.STRANGERS, ids=str)
def test_a_stranger(service: Service, case: Case) -> None:
    with service.wire("imaps", tls=True) as wire:
        wire.line()
        heard = answers(wire, case)
        assert fits(heard, case.right), [line[:200] for line in heard]


@pytest.mark.parametrize("case", imap_cases.LOGGED_IN, ids=str)
def test_an_account_of_ours(service: Service, case: Case) -> None:
    with service.imap("ola", b"SELECT INBOX") as wire:
        heard = answers(wire, case)
        assert fits(heard, case.right), [line[:200] for line in heard]
        if heard[-1] and not heard[-1].startswith((b"BYE", b"+")):
            wire.send(b"\r\nt NOOP\r\n")
            while (last := wire.tagged()[0]) and not last.startswith(b"t OK"):
                continue
            assert last or case.right.endswith("BYE"), "the conversation does not go on"


@pytest.mark.parametrize(
    "injected", [b"t LOGIN ola wrong\r\n", b"t NOOP\r\n", b"* OK\r\n", b"t LOGIN {5+}\r\nab", b"+ x\r\n"], ids=repr
)
def test_what_was_said_in_the_clear_does_not_count_within_tls(service: Service, injected: bytes) -> None:
    """CVE-2011-0411, CVE-2021-33515, RFC 9051 section 6.2.1."""
    with service.wire("imap") as wire:
        wire.line()
        wire.send(b"t STARTTLS\r\n" + injected)
        assert wire.tagged()[0].startswith(b"t OK")
        wire.start_tls()
        wire.send(b"x NOOP\r\n")
        answer, before = wire.tagged(b"x")
        assert answer.startswith(b"x OK")
        assert before == b""


def test_a_deflate_bomb_is_cut_into_lines_that_are_too_long(service: Service) -> None:
    """CWE-409: a kilobyte that becomes a megabyte ends like a megabyte without a line end."""
    with service.imap("ola") as wire:
        wire.send(b"t COMPRESS DEFLATE\r\n")
        assert wire.tagged()[0].startswith(b"t OK")
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        wire.send(packer.compress(b"x" * 200 * 2**20) + packer.flush(zlib.Z_SYNC_FLUSH))
        unpacker, heard = zlib.decompressobj(-15), b""
        while b"BYE" not in heard:
            octets = wire.take(1)
            assert octets, heard
            heard += unpacker.decompress(octets)


def test_what_is_no_deflate_ends_the_conversation(service: Service) -> None:
    """RFC 4978 section 3."""
    with service.imap("ola") as wire:
        wire.send(b"t COMPRESS DEFLATE\r\n")
        assert wire.tagged()[0].startswith(b"t OK")
        wire.send(b"\xff" * 1000)
        wire.rest()


def test_nobody_reached_the_mail_of_another(service: Service) -> None:
    with service.imap("ola") as wire:
        wire.send(b't LIST "" "*"\r\n')
        _, boxes = wire.tagged()
        assert b"kari" not in boxes
        assert b".." not in boxes
