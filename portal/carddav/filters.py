"""Filters of addressbook-query (RFC 6352 section 10.5): which cards have a property, and with what in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from mailcore.mail.moving import vcard
from mailcore.mail.moving.vcard import Line
from portal.carddav.xml import card

MAX_TESTS = 100
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, words: text == words,
    "contains": lambda text, words: words in text,
    "starts-with": lambda text, words: text.startswith(words),
    "ends-with": lambda text, words: text.endswith(words),
}


@dataclass(frozen=True, slots=True)
class _Value:
    """A property of a card with its value decoded, and the values of its parameters."""

    text: str
    params: tuple[tuple[str, str], ...]


Test = Callable[[dict[str, list[_Value]]], bool]


class UnsupportedFilter(Exception):
    """A collation or a match that is not there (RFC 6352 section 8.6)."""


def parse_filter(wanted: Element | None) -> Callable[[str], bool]:
    """Return the test for the text of a card.  Raises UnsupportedFilter."""
    tests = [] if wanted is None else [_property_test(one) for one in wanted.findall(card("prop-filter"))[:MAX_TESTS]]
    combine = _combine(wanted)

    def matches(text: str) -> bool:
        properties: dict[str, list[_Value]] = {}
        for line in vcard.join_lines(text.encode()):
            if (split := vcard.split_line(line)) is not None:
                properties.setdefault(split.name, []).append(_value(split))
        return not tests or combine(test(properties) for test in tests)

    return matches


def _value(line: Line) -> _Value:
    return _Value("" if line.encoding == "BASE64" else vcard.unescape(vcard.decode_value(line)), line.params)


def _combine(wanted: Element | None) -> Callable[[Iterable[bool]], bool]:
    return all if wanted is not None and wanted.get("test") == "allof" else any


def _property_test(wanted: Element) -> Test:
    name = wanted.get("name", "").upper().rpartition(".")[2]
    if wanted.find(card("is-not-defined")) is not None:
        return lambda properties: name not in properties
    texts = [_text_test(one) for one in wanted.findall(card("text-match"))[:MAX_TESTS]]
    params = [_param_test(one) for one in wanted.findall(card("param-filter"))[:MAX_TESTS]]
    combine = _combine(wanted)

    def matches(properties: dict[str, list[_Value]]) -> bool:
        values = properties.get(name, [])
        if not texts and not params:
            return bool(values)
        return any(
            combine([*(test(value.text) for test in texts), *(test(value.params) for test in params)])
            for value in values
        )

    return matches


def _param_test(wanted: Element) -> Callable[[tuple[tuple[str, str], ...]], bool]:
    name = wanted.get("name", "").upper()
    found = wanted.find(card("text-match"))
    if wanted.find(card("is-not-defined")) is not None:
        return lambda params: all(key != name for key, _given in params)
    test = _text_test(found) if found is not None else (lambda _text: True)
    return lambda params: any(key == name and test(given) for key, given in params)


def _text_test(wanted: Element) -> Callable[[str], bool]:
    kind, collation = wanted.get("match-type", "contains"), wanted.get("collation", "i;unicode-casemap")
    match = _MATCHES.get(kind)
    if match is None or collation not in ("i;unicode-casemap", "i;ascii-casemap", "i;octet", "default"):
        raise UnsupportedFilter(f"{kind} by {collation}")
    negated = wanted.get("negate-condition") == "yes"
    fold = str if collation == "i;octet" else str.casefold
    words = fold(wanted.text or "")
    return lambda text: match(fold(text), words) is not negated
