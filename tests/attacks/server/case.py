"""A row of the tables: what is sent, which flaw it comes from, and what is right."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One attack.

    Attributes:
        name: says what is tried.
        source: the flaw (CVE, CWE) or the section of the RFC that says what is right.
        sent: octets as they go out.
        right: the answers that are right, one word for each; `a|b` = either, `-` = the server closes.
        more: what a surface wants to know besides.
    """

    name: str
    source: str
    sent: bytes
    right: str
    more: str = ""

    def __str__(self) -> str:
        return self.name


def fits(heard: list[bytes], right: str) -> bool:
    """Say if each answer begins with one of the words at its place."""
    wanted = right.split()
    if len(heard) != len(wanted):
        return False
    return all(any(_fits(line, one) for one in word.split("|")) for line, word in zip(heard, wanted, strict=True))


def _fits(line: bytes, word: str) -> bool:
    return not line if word == "-" else line.startswith(word.encode())
