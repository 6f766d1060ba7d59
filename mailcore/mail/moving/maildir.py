"""Maildir: flags in file names, keywords in Dovecot's file beside them, and the names of our own take-outs.

A name of ours is `SECONDS.UID.alumnimail[,Z=MINUTES]!2,FLAGS`: the time of arrival stands in it, since unpacking loses it, and
the octets of such a file are the message's own, whatever ends its lines.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from mailcore.mail.asking.keywords import is_keyword

FLAGS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
KEYWORDS_FILE = "dovecot-keywords"
OTHERS_FILE = "alumnimail-keywords"  # of a mailbox that has more keywords than letters: uid and keywords, a line each
MAX_WORDS = 64  # keywords of a message
MAX_LETTERS = 26  # Dovecot's: a to z
_INFO = re.compile(r"[:!;_]2,([A-Za-z]*)$")  # systems without `:` in names write one of the others
_OURS = re.compile(r"(-?\d{1,12})\.(\d{1,10})\.alumnimail(?:,Z=(-?\d{1,4}))?[:!;_]2,[A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Name:
    """Flags, time and UID that a file name holds.

    Attributes:
        flags: the system flags.
        letters: those that stand for keywords.
        at: when the message came, in a name of ours.
        uid: in a name of ours, else 0.  Its octets are the message's as they are.
    """

    flags: frozenset[str]
    letters: str = ""
    at: datetime | None = None
    uid: int = 0


def read_name(name: str) -> Name:
    """Parse the name of a file, such as `1700000000.1.host:2,FSa`."""
    info = _INFO.search(name)
    marks = info[1] if info else ""
    flags = frozenset(FLAGS[letter] for letter in marks if letter in FLAGS)
    letters = "".join(letter for letter in marks if letter.islower())
    found = _OURS.fullmatch(name)
    if not found:
        return Name(flags, letters)
    return Name(flags, letters, _at(int(found[1]), int(found[3] or 0)), int(found[2]))


def _at(seconds: int, minutes: int) -> datetime | None:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(
            timezone(timedelta(minutes=minutes))
        )
    except (OverflowError, ValueError):
        return None


def write_name(uid: int, at: datetime, flags: Iterable[str], letters: str = "") -> str:
    """Write the name of a file for a message of ours."""
    flags = frozenset(flags)
    zone = at.utcoffset() or timedelta()
    minutes = f",Z={int(zone.total_seconds()) // 60}" if zone else ""
    marks = "".join(letter for letter, flag in sorted(FLAGS.items()) if flag in flags)
    return f"{int(at.timestamp())}.{uid}.alumnimail{minutes}!2,{marks}{letters}"


def read_keywords(lines: Iterable[str]) -> dict[str, str]:
    """Read which letter is which keyword, of lines `0 $Forwarded`; what is no keyword is left out."""
    found: dict[str, str] = {}
    for line in lines:
        number, _, keyword = line.strip().partition(" ")
        if (
            number.isascii()
            and number.isdecimal()
            and len(number) < 3
            and int(number) < MAX_LETTERS
            and is_keyword(keyword)
        ):
            found[chr(ord("a") + int(number))] = keyword
    return found


class Letters:
    """Gives keywords their letters, the first ones that come; for the others there is none."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def make_letters(self, flags: Iterable[str]) -> tuple[str, list[str]]:
        """Return the letters of a message, and its keywords that have none."""
        letters, others = [], []
        for keyword in sorted(flag for flag in flags if not flag.startswith("\\")):
            if keyword not in self._letters and len(self._letters) < MAX_LETTERS:
                self._letters[keyword] = chr(ord("a") + len(self._letters))
            if letter := self._letters.get(keyword):
                letters.append(letter)
            else:
                others.append(keyword)
        return "".join(sorted(letters)), others

    def lines(self) -> Iterator[str]:
        """Write Dovecot's file."""
        for number, keyword in enumerate(self._letters):
            yield f"{number} {keyword}\n"


def read_others(lines: Iterable[str]) -> dict[int, frozenset[str]]:
    """Read the keywords without a letter, by uid."""
    found: dict[int, frozenset[str]] = {}
    for line in lines:
        uid, *words = line.split()[: MAX_WORDS + 1] or [""]
        if uid.isascii() and uid.isdecimal() and len(uid) <= 10:
            found[int(uid)] = frozenset(filter(is_keyword, words))
    return found


def keywords_of(letters: str, known: Mapping[str, str]) -> frozenset[str]:
    return frozenset(known[letter] for letter in letters if letter in known)
