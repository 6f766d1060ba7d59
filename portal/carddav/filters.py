"""Filters of addressbook-query (RFC 6352 section 10.5): which cards have a property, and with what in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from xml.etree.ElementTree import Element

from mailcore.mail.moving import vcard
from mailcore.mail.moving.vcard import Line
from portal.carddav.xml import card

MAX_TESTS = 100  # of one filter
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, words: text == words,
    "contains": lambda text, words: words in text,
    "starts-with": lambda text, words: text.startswith(words),
    "ends-with": lambda text, words: text.endswith(words),
}


@dataclass(frozen=True, slots=True)
class _Value:
    """A property of a card with its value decoded, and the values of its parameters; each also folded, once for all tests."""

    text: str
    params: tuple[tuple[str, str], ...]
    folded_text: str
    folded_params: tuple[tuple[str, str], ...]


Test = Callable[[dict[str, list[_Value]]], bool]


class UnsupportedFilter(Exception):
    """A collation or a match that is not there, or more tests than are made (RFC 6352 section 8.6)."""


def parse_filter(wanted: Element | None) -> Callable[[str], bool]:
    """Return the test for the text of a card.  Raises UnsupportedFilter."""
    filters = [] if wanted is None else wanted.findall(card("prop-filter"))
    if sum(sum(1 for _ in one.iter()) for one in filters) > MAX_TESTS:
        raise UnsupportedFilter("too many tests")
    tests, names = [_property_test(one) for one in filters], {_name_of(one) for one in filters}
    combine = _combine(wanted)

    def matches(text: str) -> bool:
        properties: dict[str, list[_Value]] = {}
        for line in vcard.join_lines(text.encode()):
            if (split := vcard.split_line(line)) is not None and split.name in names:
                properties.setdefault(split.name, []).append(_value(split))
        return combine(test(properties) for test in tests)

    return matches if tests else lambda _text: True


def _name_of(wanted: Element) -> str:
    return wanted.get("name", "").upper().rpartition(".")[2]


def _value(line: Line) -> _Value:
    text = "" if line.encoding == "BASE64" else vcard.unescape(vcard.decode_value(line))
    folded = tuple((key, given.casefold()) for key, given in line.params)
    return _Value(text, line.params, text.casefold(), folded)


def _combine(wanted: Element | None) -> Callable[[Iterable[bool]], bool]:
    return all if wanted is not None and wanted.get("test") == "allof" else any


def _property_test(wanted: Element) -> Test:
    name = _name_of(wanted)
    if wanted.find(card("is-not-defined")) is not None:
        return lambda properties: name not in properties
    texts = [_text_test(one) for one in wanted.findall(card("text-match"))]
    params = [_param_test(one) for one in wanted.findall(card("param-filter"))]
    combine = _combine(wanted)

    def matches(properties: dict[str, list[_Value]]) -> bool:
        values = properties.get(name, [])
        if not texts and not params:
            return bool(values)
        return any(
            combine(chain((test(value.text, value.folded_text) for test in texts), (test(value) for test in params)))
            for value in values
        )

    return matches


def _param_test(wanted: Element) -> Callable[[_Value], bool]:
    name = wanted.get("name", "").upper()
    found = wanted.find(card("text-match"))
    if wanted.find(card("is-not-defined")) is not None:
        return lambda value: all(key != name for key, _given in value.params)
    test = _text_test(found) if found is not None else (lambda _text, _folded: True)
    return lambda value: any(
        key == name and test(given, folded)
        for (key, given), (_key, folded) in zip(value.params, value.folded_params, strict=True)
    )


def _text_test(wanted: Element) -> Callable[[str, str], bool]:
    """Return the test of a text, which is also given folded."""
    kind, collation = wanted.get("match-type", "contains"), wanted.get("collation", "i;unicode-casemap")
    match = _MATCHES.get(kind)
    if match is None or collation not in ("i;unicode-casemap", "i;ascii-casemap", "i;octet", "default"):
        raise UnsupportedFilter(f"{kind} by {collation}")
    negated = wanted.get("negate-condition") == "yes"
    words = wanted.text or ""
    if collation == "i;octet":
        return lambda text, _folded: match(text, words) is not negated
    folded_words = words.casefold()
    return lambda _text, folded: match(folded, folded_words) is not negated
