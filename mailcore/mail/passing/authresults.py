"""Authentication-Results (RFC 8601): the one field that we write, and the forged ones that we cut out."""

import re
from collections.abc import Sequence
from functools import lru_cache

from mailcore.mail.reading import header
from mailcore.mail.reading.comments import without_comments
from mailcore.mail.reading.trace import word


def field(hostname: str, results: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]) -> bytes:
    """Write the field with its line end.

    Args:
        results: method, result, and properties such as ("smtp.mailfrom", "outside.example").
    """
    lines = [
        f"{method}={word(result)}" + "".join(f" {name}={word(value)}" for name, value in properties if value)
        for method, result, properties in results
    ]
    return (f"Authentication-Results: {word(hostname)};\r\n\t" + ";\r\n\t".join(lines or ["none"]) + "\r\n").encode(
        "ascii"
    )


def without_forged(block: bytes, *domains: str) -> bytes:
    """The header block without Authentication-Results that claim to be ours (RFC 8601 section 5); nothing else changes.

    Args:
        domains: whoever bears one of these names, or one below it, is ours.
    """
    if b"authentication-results" not in block.lower():
        return block
    ours = _names(tuple(sorted({domain.lower().rstrip(".") for domain in domains})))
    return header.without(block, lambda name, value: name.lower() == "authentication-results" and _claims(value, ours))


@lru_cache(maxsize=16)
def _names(domains: tuple[str, ...]) -> re.Pattern[str]:
    """Compile what finds one of the names, or a name below it, as a whole; blanks may stand around its dots."""
    names = "|".join(r"\s*\.\s*".join(map(re.escape, domain.split("."))) for domain in domains)
    return re.compile(rf"(?<![\w-])(?:{names})(?![\w-]|\s*\.\s*[\w-])")


def _claims(value: bytes, ours: re.Pattern[str]) -> bool:
    """Could anybody read our name as whose word this is?  Comments and quotes may hide it, or what stands before it."""
    text = header.unfolded(value).lower()
    for form in (text, without_comments(text)):
        who = form.replace('"', "").partition("=")[0]
        if ours.search(who) or ours.search("".join(who.split())):
            return True
    return False
