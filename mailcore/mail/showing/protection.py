"""Name how a message is protected or packed, as its structure says: signed, encrypted, or in a format of one program alone.

Nothing is checked or opened: who reads is told so, in plain words, instead of a file of an odd name.
"""

from mailcore.mail.reading.structure import Part

SIGNED_PGP, SIGNED_SMIME, ENCRYPTED_PGP, ENCRYPTED_SMIME, TNEF = "signed-pgp", "signed-smime", "pgp", "smime", "tnef"
_MOST = 1000  # parts that are looked at


def find_protection(root: Part) -> str:
    """Return the first of the names above that the message bears, "" for none."""
    waiting = [root]
    for _ in range(_MOST):
        if not waiting:
            break
        part = waiting.pop(0)
        if found := _of(part):
            return found
        waiting += part.children
    return ""


def _of(part: Part) -> str:
    kind = f"{part.type}/{part.subtype}"
    protocol = part.param("protocol").lower()
    if kind == "multipart/signed":
        return SIGNED_PGP if "pgp" in protocol else SIGNED_SMIME if "pkcs7" in protocol else ""
    if kind == "multipart/encrypted":
        return ENCRYPTED_PGP
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return SIGNED_SMIME if part.param("smime-type").lower() == "signed-data" else ENCRYPTED_SMIME
    return TNEF if kind in ("application/ms-tnef", "application/vnd.ms-tnef") else ""
