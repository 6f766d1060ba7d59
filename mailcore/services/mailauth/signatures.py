"""dkimpy's verifiers with body hashes that are taken in blocks: it would copy a large body for each signature."""

import base64
import re
import time
from collections.abc import Callable

import dkim

from mailcore.mail.passing.body_hash import body_hash
from mailcore.mail.reading.octets import Octets, forget
from mailcore.net.dns import DnsTrouble, Records

Ask = Callable[[str, str], Records]
_ODD = re.compile(rb"(?:\A[ \t]|^(?![!-9;-~]+:|[ \t]|\r?$))[^\n]*(?:\n[ \t][^\n]*)*\n", re.MULTILINE)


def readable(block: bytes) -> bytes:
    """The header without what is no field by the letter, such as a space before the colon: the library would read none of it."""
    return _ODD.sub(b"", block)


class InBlocks:
    """To stand before a verifier of dkimpy, which is given the header alone.

    The library checks `bh=` against the body that it has; here that is done first, and what remains for it is the header.
    """

    def set_octets(self, octets: Octets, start: int) -> None:
        self._octets, self._start = octets, start
        self._known: dict[tuple[bool, str, int | None], bytes] = {}

    def verify_sig_process(self, sig: dict[bytes, bytes], *args: object) -> bool:
        if sig.get(b"a") == b"rsa-sha1":  # RFC 8301 section 3.1
            raise dkim.ValidationError("SHA-1 vouches for nothing")
        if b"x" in sig and int(sig[b"x"]) < time.time():  # the library allows ten hours more, the next server does not
            raise dkim.ValidationError("expired")
        if b"bh" in sig and self._digest(sig) != base64.b64decode(re.sub(rb"\s+", b"", sig[b"bh"])):
            raise dkim.ValidationError("body hash mismatch")
        if b"l" in sig and self._digest(sig) != self._digest({tag: value for tag, value in sig.items() if tag != b"l"}):
            raise dkim.ValidationError("anybody could have added to the body")  # RFC 6376 section 8.2
        rest = {tag: value for tag, value in sig.items() if tag != b"bh"}
        return bool(super().verify_sig_process(rest, *args))  # type: ignore[misc]  # of dkimpy's class behind this one

    def _digest(self, sig: dict[bytes, bytes]) -> bytes:
        relaxed = sig.get(b"c", b"").partition(b"/")[2] == b"relaxed"
        algorithm = sig[b"a"].partition(b"-")[2].decode("ascii")
        length = int(sig[b"l"]) if b"l" in sig else None
        key = (relaxed, algorithm, length)
        if key not in self._known:
            self._known[key] = body_hash(self._octets, self._start, relaxed=relaxed, algorithm=algorithm, length=length)
            forget(self._octets)
        return self._known[key]


class Dkim(InBlocks, dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    def __init__(self, block: bytes, octets: Octets) -> None:
        super().__init__(readable(block))
        self.set_octets(octets, len(block))


class Arc(InBlocks, dkim.ARC):  # type: ignore[misc]  # dkimpy has no types
    def __init__(self, block: bytes, octets: Octets) -> None:
        super().__init__(readable(block))
        self.set_octets(octets, len(block))


class Keys:
    """Looks up public keys, and notes whether DNS was in trouble: dkimpy makes a plain failure of that.

    Attributes:
        exact: the key speaks for its very domain only, not for what is below it (`t=s`).
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.trouble = self.exact = False

    def __call__(self, name: bytes | str, timeout: int = 5) -> bytes | None:  # noqa: ARG002 - dkimpy names it
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        try:
            records = self._ask(text.rstrip("."), "TXT")
        except DnsTrouble:
            self.trouble = True
            raise
        if not records:
            return None
        key = b"".join(records[0].strings)
        self._look(key)
        return key

    def _look(self, key: bytes) -> None:
        """Check what the library does not: the hashes and services that the key is for (RFC 6376 section 3.6.1)."""
        pairs = (part.partition(b"=") for part in key.split(b";"))
        tags = {name.strip(): {word.strip() for word in value.split(b":")} for name, _, value in pairs}
        if not tags.get(b"h", {b"sha256"}) & {b"sha256"} or not tags.get(b"s", {b"*"}) & {b"*", b"email"}:
            raise dkim.KeyFormatError("not a key for this")
        self.exact = b"s" in tags.get(b"t", ())
