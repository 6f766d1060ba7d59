"""A message is the same in whatever pieces it comes."""

from pathlib import Path

import pytest

from mailcore.config import Limits
from mailcore.errors import MailError
from mailcore.smtp.incoming import BareLineEnd, Bounds, Incoming, Malformed
from mailcore.store.mail.spool import Spool

BOUNDS = Bounds.from_limits(Limits(header_size="64"))
MESSAGES = (
    b"",
    b"\r\n",
    b"\r\nbody",
    b"\r\n\r\nbody\r\n\r\n",
    b"A: b\r\n",
    b"A: b\r\n\r\n",
    b"A: b\r\n\r\n\r\nbody",
    b"A: b\r\n c\r\n\r\nbody\r\n\r\nmore\r\n",
    b"A: \0b\r\n\r\nbody",
    b"A: b\r\n\r\n\0body",
    b"A: b\n\nbody",
    b"A: b\r\r\nbody",
    b"A: " + b"b" * 57 + b"\r\n\r\nbody",
    b"A: " + b"b" * 58 + b"\r\n\r\nbody",
    b"A: " + b"b" * 90 + b"\r\n\r\nbody",
)


def take_in(message: bytes, size: int) -> tuple[bytes, bytes] | str:
    """Return the header that was edited and the whole message, or why it was refused."""
    blocks: list[bytes] = []

    def edit(block: bytes) -> bytes:
        blocks.append(block)
        return block

    incoming = Incoming(Spool(Path(), 2**20), BOUNDS, edit)
    for at in range(0, len(message), size):
        incoming.add(message[at : at + size], clean=False)
    try:
        octets = incoming.finish()
    except (BareLineEnd, Malformed, MailError) as problem:
        return f"{type(problem).__name__} {problem}"
    [block] = blocks
    return block, bytes(octets)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("message", MESSAGES)
def test_pieces_change_nothing(message, size):
    assert take_in(message, size) == take_in(message, len(message) or 1)
