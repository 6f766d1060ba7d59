"""Authentication-Results (RFC 8601): the one field that we write, and the forged ones that we cut out."""

from collections.abc import Sequence

from mailcore.mail import header
from mailcore.mail.trace import word


def field(hostname: str, results: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]) -> bytes:
    """The field with its line end.

    Args:
        results: method, result, and properties such as ("smtp.mailfrom", "outside.example").
    """
    lines = [
        f"{method}={word(result)}" + "".join(f" {name}={word(value)}" for name, value in properties if value)
        for method, result, properties in results
    ]
    return (f"Authentication-Results: {word(hostname)};\r\n\t" + ";\r\n\t".join(lines or ["none"]) + "\r\n").encode("ascii")


def without_forged(block: bytes, hostname: str) -> bytes:
    """The header block without Authentication-Results that claim to be ours (RFC 8601 section 5); nothing else changes."""
    ours = hostname.lower().encode()

    def is_forged(name: str, value: bytes) -> bool:
        return name.lower() == "authentication-results" and ours in value.partition(b";")[0].lower()

    if b"authentication-results" not in block.lower():
        return block
    return header.without(block, is_forged)
