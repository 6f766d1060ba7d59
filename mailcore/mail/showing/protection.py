"""Name how a message is protected or packed, as its structure says: signed, encrypted, or in a format of one program alone.

Nothing is checked: who reads is told so, in plain words, instead of a file of an odd name.
"""

import re
from dataclasses import dataclass

from mailcore.mail.reading.structure import Part

SIGNED_PGP, SIGNED_SMIME, ENCRYPTED_PGP, ENCRYPTED_SMIME, TNEF = "signed-pgp", "signed-smime", "pgp", "smime", "tnef"
_MOST = 1000  # parts that are looked at
_LOOKED_AT = 20_000  # characters of a text
_ARMOUR = re.compile(r"(?m)^-----BEGIN PGP (SIGNED )?MESSAGE-----[ \t\r]*$")
_PURPOSES = {
    "application/pgp-signature": "pgp-signature",
    "application/pkcs7-signature": "smime-signature",
    "application/x-pkcs7-signature": "smime-signature",
    "application/pgp-keys": "pgp-key",
    "application/pgp-encrypted": "pgp-control",
}


@dataclass(frozen=True, slots=True)
class Protection:
    """`kind` is one of the names above.  `is_partial`: there is more in the message that it does not cover."""

    kind: str
    is_partial: bool = False


def find_protection(root: Part, text: str = "") -> Protection | None:
    """Return the outermost protection that a message bears; that of a message attached to it is not its own.

    Args:
        text: what it shows, in which OpenPGP may stand as lines (RFC 9580 section 6).
    """
    waiting = [root]
    for _ in range(_MOST):
        if not waiting:
            break
        part = waiting.pop(0)
        if found := _of(part):
            return Protection(found, part is not root and found != TNEF)
        waiting += () if part.is_message else part.contents
    if armour := _ARMOUR.search(text, 0, _LOOKED_AT):
        return Protection(SIGNED_PGP if armour[1] else ENCRYPTED_PGP, bool(text[: armour.start()].strip()))
    return None


def purpose_of(part: Part) -> str:
    """Say what a file is for that no program for files opens: a signature, a key; "" for all others."""
    return _PURPOSES.get(f"{part.type}/{part.subtype}", "")


def _of(part: Part) -> str:
    kind = f"{part.type}/{part.subtype}"
    protocol = part.param("protocol").lower()
    if kind == "multipart/signed":
        return SIGNED_PGP if "pgp" in protocol else SIGNED_SMIME if "pkcs7" in protocol else ""
    if kind == "multipart/encrypted":
        return ENCRYPTED_PGP
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        if part.param("smime-type").lower() == "certs-only":
            return ""
        return SIGNED_SMIME if part.param("smime-type").lower() == "signed-data" else ENCRYPTED_SMIME
    return TNEF if kind in ("application/ms-tnef", "application/vnd.ms-tnef") else ""
