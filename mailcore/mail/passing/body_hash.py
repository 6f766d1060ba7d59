"""The body hash of DKIM (RFC 6376 section 3.7), taken in blocks: a body of 50 MB is never copied as a whole.  No I/O."""

import hashlib
import re

from mailcore.mail.reading.octets import BLOCK, Octets

_SPACES = re.compile(rb"[ \t]{2,}|\t")  # a single space stays as it is


class _Lines:
    """Hash lines, holding back empty ones: those at the end do not count."""

    def __init__(self, algorithm: str, length: int | None) -> None:
        self._hash = hashlib.new(algorithm)
        self._left = length
        self._empty = 0
        self.anything = False

    def add(self, lines: bytes) -> None:
        end = len(lines)
        while lines[end - 2 : end] == b"\r\n":
            end -= 2
        if end:
            self._take(b"\r\n" * self._empty + lines[:end])
            self._empty = (len(lines) - end) // 2
        else:
            self._empty += len(lines) // 2

    def end(self, *, empty_line: bool) -> bytes:
        if self.anything or empty_line:
            self._take(b"\r\n")
        return self._hash.digest()

    def _take(self, octets: bytes) -> None:
        self.anything = True
        if self._left is not None:
            octets = octets[: self._left]
            self._left -= len(octets)
        self._hash.update(octets)


def body_hash(
    octets: Octets, start: int, *, relaxed: bool, algorithm: str = "sha256", length: int | None = None
) -> bytes:
    """Hash the canonical body that begins at `start`.

    Args:
        length: the `l=` of a signature, in octets of the canonical body.
    """
    lines = _Lines(algorithm, length)
    at, stop = start, len(octets)
    while at < stop:
        end = min(at + BLOCK, stop)
        block = octets[at:end]
        whole = block.rfind(b"\n") + 1
        if end < stop and not whole:  # a line longer than a block
            found = octets.find(b"\n", end)
            block = octets[at : found + 1 or stop]
            whole = len(block)
        elif end < stop:
            block = block[:whole]
        at += len(block)
        if relaxed:
            if b"  " in block or b"\t" in block:  # in most text there are none, and looking costs a tenth
                block = _SPACES.sub(b" ", block)
            block = block.replace(b" \r\n", b"\r\n")
        lines.add(block)
    return lines.end(empty_line=not relaxed)
