"""The style sheet as it is sent means what was written."""

import re
from collections.abc import Iterator

import tinycss2

from portal import stylesheet

_PROPERTY = re.compile(r"--[a-z][a-z0-9-]*")


def _plain(tokens) -> str:
    return re.sub(r"\s*([,:>~/])\s*", r"\1", re.sub(r"\s+", " ", tinycss2.serialize(tokens))).strip()


def _rules(css, where: str = "") -> Iterator[tuple[str, str, str]]:
    """Every declaration as a browser reads it: where, its name, its value."""
    for rule in tinycss2.parse_rule_list(css, skip_comments=True, skip_whitespace=True):
        here = f"{where} {_plain(rule.prelude)}"
        if rule.type == "at-rule":
            yield from _rules(rule.content, here)
            continue
        assert rule.type == "qualified-rule", rule
        for one in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True):
            if one.type == "qualified-rule":
                nested = f"{here} {_plain(one.prelude)}"
                inner = tinycss2.parse_blocks_contents(one.content, skip_comments=True, skip_whitespace=True)
                yield from ((nested, each.name, _plain(each.value)) for each in inner)
            else:
                yield here, one.name, _plain(one.value)


def _numbered(rules: Iterator[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The declarations with custom properties by the order in which they come: what they are called means nothing."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"--{len(numbers)}")

    return [(where, _PROPERTY.sub(number, name), _PROPERTY.sub(number, value)) for where, name, value in rules]


def test_a_slim_sheet_says_what_was_written():
    written = (stylesheet.STATIC / "style.css").read_text() + (stylesheet.STATIC / "webmail.css").read_text()
    slim = stylesheet.slim(written)
    for name in ("icon.svg", "hero.svg"):
        written = written.replace(f"url({name})", f'url("{stylesheet.picture(name)}")')
    assert len(slim) < len(written) * 0.9
    assert _numbered(_rules(slim)) == _numbered(_rules(written))


def test_what_stands_in_quotes_is_left_alone():
    assert stylesheet.slim('a::before { content: attr(data-label) ": "; color: red; }') == (
        'a::before{content:attr(data-label) ": ";color:red}'
    )
