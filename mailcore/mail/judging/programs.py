"""Attachments that carry programs, known by their octets: a name or a label may say anything.

Read: the first octets of a file, and the directory of a zip file as far as it stands in what is looked at.
"""

import re
from collections.abc import Iterator

from mailcore.mail.reading import structure, text
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part

LOOKED_AT = 48_000  # encoded octets of one file
MAX_FILES = 20  # of one message
MAX_ENTRIES = 200  # of one zip file
_DISC = (0x8001, 0x8801, 0x9001)  # where ISO 9660 has its mark
_SCRIPT_NAMES = ("js", "jse", "vbs", "vbe", "wsf", "wsh", "hta", "ps1", "bat", "cmd", "scr", "pif", "com", "exe", "msi", "lnk",
                 "iso", "img", "vhd", "jar", "cpl", "reg", "chm", "dll")  # fmt: skip
_HTA = re.compile(rb"(?i)<hta:application|<script[^<>]{0,200}+(?:vbscript|jscript\.encode)")
_SCRIPT = re.compile(
    rb"(?i)\b(?:WScript\.|CreateObject\s?\(|ActiveXObject\s?\(|powershell|eval\s?\(|Shell\.Application|fromCharCode)"
)
_ENTRY = b"PK\x03\x04"


def list_programs(octets: Octets, root: Part) -> list[str]:
    """List the kinds of programs that a message carries: exe, script, hta, iso, lnk, macro, jar; those in zip files, too."""
    kinds: dict[str, None] = {}
    looked = 0
    for leaf in structure.leaves(root):
        if leaf.type == "text" and leaf.subtype in ("plain", "html") and not leaf.filename:
            continue
        looked += 1
        if looked > MAX_FILES:
            break
        if kind := find_program(octets, leaf):
            kinds[kind] = None
    return list(kinds)


def find_program(octets: Octets, leaf: Part) -> str:
    """Return the kind of program that a part is, or ""."""
    if leaf.type in ("multipart", "message"):
        return ""
    # for people a picture is what its octets say, so its label does not matter here
    return kind_of(text.transfer_decoded(octets, leaf, LOOKED_AT), leaf.filename)


def kind_of(start: bytes, name: str = "") -> str:
    """Return the kind of program that a file is by its first octets, or ""; `name` matters for scripts, which are text."""
    if start.startswith(b"MZ") and b"PE\0\0" in start[:4096]:
        return "exe"
    if start.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")):
        return "exe"
    if start.startswith(b"L\0\0\0\x01\x14\x02\0"):
        return "lnk"
    if any(start[at : at + 5] == b"CD001" for at in _DISC):
        return "iso"
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "macro" if _has_macros(start) else ""
    if start.startswith(_ENTRY):
        return _in_zip(start)
    ending = name[-12:].rpartition(".")[2].lower() if "." in name[-12:] else ""
    if _HTA.search(start[:8192]):
        return "hta"
    if ending in _SCRIPT_NAMES and (ending in ("bat", "cmd", "ps1", "hta") or _SCRIPT.search(start)):
        return "hta" if ending == "hta" else "script"
    return ""


def _has_macros(start: bytes) -> bool:
    """Say if an OLE file names a project of VBA in its directory, which has its names in UTF-16."""
    return any(name.encode("utf-16-le") in start for name in ("_VBA_PROJECT", "Macros", "_VBA_PROJECT_CUR"))


def _in_zip(start: bytes) -> str:
    names = list(_zip_names(start))
    if any(name.endswith("vbaproject.bin") for name in names):
        return "macro"
    if "meta-inf/manifest.mf" in names:
        return "jar"
    documents = "[content_types].xml" in names
    if not documents and any(name.rpartition(".")[2] in _SCRIPT_NAMES for name in names if "." in name):
        return "zipped program"
    return ""


def _zip_names(start: bytes) -> Iterator[str]:
    """Give the names of entries, from their own heads: the directory at the end may be far away, or missing."""
    at = 0
    for _ in range(MAX_ENTRIES):
        at = start.find(_ENTRY, at)
        if at < 0:
            return
        length = int.from_bytes(start[at + 26 : at + 28], "little")
        yield start[at + 30 : at + 30 + min(length, 300)].decode("utf-8", "replace").lower()
        at += 30
