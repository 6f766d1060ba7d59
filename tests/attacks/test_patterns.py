"""No pattern takes longer than its text: every pattern of mailcore, sieve and portal is pumped, and checked by regexploit.

A new pattern that fails here is mended (possessive quantifiers, atomic groups, re2, plain scanning), or stands in the table of
those that never see a stranger's text, with the reason.
"""

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks.growth import Pump, slow
from tests.attacks.patterns import ANCHORED, Found, Made, collect
from tests.attacks.pumps import parser, pumps

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads patterns with sre_parse
    from regexploit.ast.sre import SreOpParser
    from regexploit.redos import find

# What these read is part of the program or of its administrator's files.
OURS = {
    "portal.stylesheet:slim": "our own style sheets, when the program starts",
    "portal.stylesheet:picture": "our own pictures",
    "portal.webmail.views:_COMMA": "our own style sheet",
    "portal.webmail.views:_RULE": "our own style sheet",
    "portal.webmail.views:_words": "our own templates",
    "portal.webmail.views:_used_rule": "our own style sheet",
    "mailcore.services.operations.faq:_QUESTION": "the questions and answers of the site",
    "mailcore.services.operations.settings_list:_QUERY_SECRET": "the administrator's own settings",
}
# Patterns that are made while the program runs; each has a reason why it is linear.
MADE = {
    "mailcore.mail.passing.authresults:_names": "names of ours, literal but for blanks, so each place is looked at once",
    "mailcore.mail.judging.registrations:_pattern": "tables of the module, for 300 characters of a subject",
    "mailcore.mail.showing.html_scan:_RAW_END": "a table of the module, whose patterns are found in it and pumped",
    "mailcore.mail.reading.structure:_Reader._search": "a boundary, literal, at the beginning of a line",
    "mailcore.services.forwarding.health:": "a table of the module, whose patterns are found in it and pumped",
    "portal.account.events:detail": "a table of the module, whose patterns are found in it and pumped",
    "portal.webmail.views:mail_icons": "our own pictures",
    "sieve.match:_pattern": "of fixed width, so it never backtracks; tests/attacks/test_growth.py pumps it",
}

FOUND, THOSE_MADE = collect()
STRANGERS = [one for one in FOUND if one.where.partition(" ")[0] not in OURS]


def work_of(found: Found) -> Callable[[str], object]:
    """As the program uses it; one that is tried at every place costs what it costs to try all."""
    pattern = found.pattern
    octets = isinstance(pattern.pattern, bytes)

    def given(text: str) -> Any:
        return text.encode() if octets else text

    if found.uses and found.uses <= ANCHORED:
        tried = pattern.fullmatch if found.uses == {"fullmatch"} else pattern.match
        return lambda text: tried(given(text))
    return lambda text: sum(1 for _ in pattern.finditer(given(text)))


def test_the_tables_name_only_what_there_is():
    assert {one.where.partition(" ")[0] for one in FOUND} >= set(OURS)
    assert {one.where for one in THOSE_MADE} == set(MADE), (
        "a pattern is made while the program runs: say why it is linear"
    )


def test_patterns_are_found_wherever_they_stand():
    wheres = {one.where for one in FOUND}
    assert len(FOUND) > 150
    assert "mailcore.wire.reader:_QUOTED" in wheres
    assert any(where.startswith("portal.web_form:like_an_address") for where in wheres)
    uses = {one.where: one.uses for one in FOUND}
    assert uses["mailcore.services.accounts.accounts:NAME"] == {"fullmatch"}
    assert uses["mailcore.wire.reader:_QUOTED"] == {"match"}


@pytest.mark.slow
@pytest.mark.parametrize("found", STRANGERS, ids=lambda found: found.where)
def test_four_times_the_text_takes_at_most_six_times_as_long(found):
    work = work_of(found)
    assert not [why for pump in pumps(found.pattern) if (why := slow(work, pump))][:1]


class Reader(SreOpParser):
    """With what Python 3.11 added: what is possessive or atomic is never gone back into."""

    def from_POSSESSIVE_REPEAT(self, data: Any) -> Any:  # noqa: N802 - as the parser names them
        return self.sequence_or_singleton(data[2])

    def from_ATOMIC_GROUP(self, data: Any) -> Any:  # noqa: N802
        return self.sequence_or_singleton(data)


def judged(pattern: "re.Pattern[Any]") -> list[str]:
    """Return what regexploit finds to be cubic or worse in a pattern."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    tree = Reader().parse_sre(text, pattern.flags & ~(re.UNICODE | re.DEBUG))
    if tree is None:
        return []
    return [one.example() for one in find(tree) if one.starriness > 2]


@pytest.mark.parametrize("found", STRANGERS, ids=lambda found: found.where)
def test_regexploit_finds_nothing(found):
    assert judged(found.pattern) == []


BAD = [
    r"(a+)+$", r"(?:a|a)+b", r"[^\S\n]+\n", r"\s*$", r"<(br|p)\b[^>]*>", r"[^@\s]+@[^@\s]+\.[^@\s]+\s*$", r"<\s*mailto:([^>]+)>",
    r"(?:[\w-]+\.)+[a-z]{2,24}(?![\w@.-]*@)", r"\S*(?:://|www\.)\S*", r"score=(\d+).*?required=(\d+)", r"(?:\s|\(fwd\))+$",
]  # fmt: skip
GOOD = [
    r"[^\S\n]++\n?",
    r"<[^<>]*+>",
    r"a+",
    r"\d{1,5}x",
    r"[\r\n]+",
    r"\A\s*x",
    r"=\?[^?]{1,100}\?",
]


@pytest.mark.parametrize("text", BAD)
def test_the_pumps_find_what_is_known_to_be_slow(text):
    one = Found("here", re.compile(text), {"fullmatch"} if "@" in text else set())
    assert any(slow(work_of(one), pump) for pump in pumps(one.pattern))


@pytest.mark.parametrize("text", GOOD)
def test_the_pumps_leave_alone_what_is_linear(text):
    one = Found("here", re.compile(text))
    assert not [why for pump in pumps(one.pattern) if (why := slow(work_of(one), pump))]


def test_regexploit_finds_what_is_known_to_be_slow():
    assert judged(re.compile(r"(a+)+$"))
    assert judged(re.compile(rb"\d*\d*\d*x"))
    assert not judged(re.compile(r"\d*+\d*+\d*+x"))


def test_a_pump_reads_every_kind_of_pattern():
    for one in FOUND:
        assert parser.parse(one.pattern.pattern, one.pattern.flags & ~re.DEBUG) is not None
        assert pumps(one.pattern)
    assert Pump("a", "bc", "d").text(6) == "abcbcbcd"
    assert Made("x", 1).where == "x"
