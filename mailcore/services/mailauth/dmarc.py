"""Discovery of the policy for an author, and of names that are of one organisation (DMARC, RFC 9989).

Policies are found by walking up the tree of names.  Where an organisation begins, a record with `psd=` says; where
none does, the public suffix list (RFC 7489 section 3.2): by the walk alone, a domain that publishes nothing would be a
stranger to its own sub-domains.  Above that border only what says `psd=` is heard, as section 5.2 demands of registries.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.mail.reading.organisation import organisational
from mailcore.net.dns import DnsTrouble, text_of
from mailcore.services.mailauth.signatures import Ask

MOST_LOOKUPS = 8  # in one walk, however many labels a stranger writes
_PERCENT = re.compile(r"[0-9]{1,3}")
_WISHES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Record:
    """The record that a domain publishes at `_dmarc.`; values as written."""

    domain: str
    tags: dict[str, str]

    def word(self, tag: str, default: str = "") -> str:
        return self.tags.get(tag, default).lower()

    @property
    def says_border(self) -> bool:
        return self.word("psd") in ("y", "n")


@dataclass(frozen=True, slots=True)
class Policy:
    """`p` is what holds for the author's very domain; "" where none is published, or DNS did not say (`trouble`)."""

    p: str = ""
    aspf: str = "r"
    adkim: str = "r"
    percent: int = 100  # of the messages that shall feel it; the others feel the next milder one
    trouble: bool = False


# Organisations


def organisation(domain: str, ask: Ask) -> str:
    """RFC 9989 section 4.10.2; DNS that does not answer moves no border."""
    try:
        for record in _walk(domain, ask):
            if record.says_border:
                above = record.word("psd") == "y" and record.domain != domain
                return _below(record.domain, domain) if above else record.domain
    except DnsTrouble:
        pass
    return organisational(domain)


def aligned(domain: str, author: str, mode: str, ask: Ask) -> bool:
    """RFC 9989 section 4.4; `mode` is r (relaxed) or s (strict)."""
    if not domain or not author:
        return False
    return domain == author or (mode != "s" and organisation(domain, ask) == organisation(author, ask))


def _below(parent: str, domain: str) -> str:
    """The name one label below `parent` that leads to `domain`."""
    return ".".join(domain.split(".")[-parent.count(".") - 2 :])


# Records


def find(author: str, ask: Ask) -> Record | None:
    """The record that holds for an author's domain (RFC 9989 section 4.10.1).  Raises DnsTrouble."""
    own = _record(author, ask)
    if own is not None:
        return own
    found = {record.domain: record for record in _walk(author, ask)}
    if not found:
        return None
    *_, last = found.values()
    return found.get(_below(last.domain, author), last) if last.word("psd") == "y" else last


def policy(author: str, ask: Ask) -> Policy:
    """Never raises for DNS that does not answer, or for what a stranger publishes."""
    if not author:
        return Policy()
    try:
        record = find(author, ask)
        if record is None:
            return Policy()
        names = ["p"]
        if record.domain != author:
            names = ["np", "sp", "p"] if "np" in record.tags and not _exists(author, ask) else ["sp", "p"]
    except DnsTrouble:
        return Policy(aspf="s", adkim="s", trouble=True)  # as strict as it may be
    percent = record.word("pct", "100")  # of RFC 7489; many still publish it
    return Policy(
        _wish(record, names),
        record.word("aspf", "r"),
        record.word("adkim", "r"),
        0 if record.word("t") == "y" else min(int(percent), 100) if _PERCENT.fullmatch(percent) else 100,
    )


def _wish(record: Record, names: list[str]) -> str:
    """The first of these tags; of a record with mistakes only the wish to hear of mail, if it has one."""
    said = [record.word(name) for name in ("p", "sp", "np") if name == "p" or name in record.tags]
    if not set(said) <= set(_WISHES):
        return "none" if ":" in record.word("rua") else ""
    return next(record.word(name) for name in names if name in record.tags)


def _exists(domain: str, ask: Ask) -> bool:
    return any(ask(domain, kind) for kind in ("A", "AAAA", "MX"))


def _walk(domain: str, ask: Ask) -> Iterator[Record]:
    """Records from the longest name to the shortest (RFC 9989 section 4.10).  Raises DnsTrouble."""
    labels, border = domain.split("."), organisational(domain)
    starts = [0, *range(max(1, len(labels) - MOST_LOOKUPS + 1), len(labels))]
    for name in (".".join(labels[start:]) for start in starts):
        within = name.endswith(border)
        try:
            record = _record(name, ask)
        except DnsTrouble:
            if within:
                raise
            continue  # a registry that does not answer says nothing
        if record is not None and (within or record.says_border):
            yield record
            if record.says_border:
                return


def _record(domain: str, ask: Ask) -> Record | None:
    found = [tags for record in ask(f"_dmarc.{domain}", "TXT") if (tags := _tags(text_of(record)))]
    return Record(domain, found[0]) if len(found) == 1 else None


def _tags(text: str) -> dict[str, str]:
    """Empty where it is not of DMARC's version 1, which stands first (RFC 9989 section 4.7)."""
    pairs = (part.partition("=") for part in text.split(";"))
    tags = {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
    return tags if next(iter(tags.items()), None) == ("v", "DMARC1") else {}
