"""The files that come with a message: their names made harmless."""

import re
import unicodedata

from mailcore.mail.reading import structure
from mailcore.mail.showing import file_types

MAX_NAME = 200  # octets; file systems take 255, and a zip file of many has a number before some
# what Windows, macOS or a desktop starts, or what carries such a file unseen
_HARMFUL = frozenset(
    """ade adp apk app appx bat cab chm cmd com cpl dll dmg docm dotm exe hta htm html img ins iso jar js jse lnk mde msc
    msi msix mst one pif ps1 ps2 psc1 reg rgs scr sct shb shs svg sys url vb vbe vbs vhd vhdx ws wsc wsf wsh xhtml xll xlsm
    xltm""".split()  # noqa: SIM905
)


def safe_name(name: str) -> str:
    """Remove paths, controls and marks that turn the reading direction: `gnp.exe` must not look like `exe.png`.

    Of several endings only a harmless last one may stand alone: `bill.pdf.exe` is `bill_pdf.exe`, which nobody whose
    system hides endings takes for a PDF.
    """
    name = re.sub(r"[\t\r\n]", " ", name)  # a fold within it may have been a tab
    plain = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    plain = re.sub(r"[\\/:*?\"<>|]+", "_", re.sub(r"\s+", " ", plain)).strip(" .")
    if is_harmful(plain):
        stem, _, ending = plain.rpartition(".")
        plain = f"{re.sub(r'[ .]+', '_', stem) or 'file'}.{ending}" if "." in stem or " ." in plain else plain
    return plain.encode()[-MAX_NAME:].decode(errors="ignore") or "file"


def is_harmful(name: str) -> bool:
    """May opening a file of this name start a program?"""
    return name.rpartition(".")[2].strip().lower() in _HARMFUL


def name_of(part: structure.Part) -> str:
    """Return the sender's name for the file, made harmless; a name of ours if there is none."""
    if part.filename.strip():
        return safe_name(part.filename)
    stem = "message" if (part.type, part.subtype) in (("message", "rfc822"), ("message", "global")) else "file"
    if (part.type, part.subtype) == ("text", "calendar") and part.param("method"):
        stem = "invitation"
    return f"{stem}.{file_types.ending(f'{part.type}/{part.subtype}')}"
