"""The tour of the documents tells the truth: each word that it takes from a page stands on that page, in each language."""

import re
from html import unescape

import pytest

from tests.pages import site
from tests.pages.pictures import LOOKS, PAGES, TOUR
from tools.locked import ROOT

STOP = re.compile(r"(?s)!\[[^\]]+\]\(\.\./build/pictures/([a-z-]+)\.(\w+)\.(\w+)\.png\)(.*?)(?=\n#|\Z)")


def read_stops(language: str) -> list[tuple[str, str, str, str]]:
    """Read the name, the language and the look of each picture, and the text below it."""
    return STOP.findall((ROOT / f"docs/tour.{language}.md").read_text())


@pytest.mark.parametrize("language", site.LANGUAGES)
def test_each_language_shows_the_same_pictures_in_the_same_order(language):
    assert [stop[:3] for stop in read_stops(language)] == [(name, language, "tour") for name in TOUR]
    assert "tour" in LOOKS


@pytest.mark.slow
def test_what_the_tour_says_of_a_page_stands_there(portal):
    base, _ = portal
    visitors = {role: site.Visitor(base, role) for role in site.ROLES}
    missing = []
    for language in site.LANGUAGES:
        for name, _, _, text in read_stops(language):
            role, path = PAGES[name]
            page = visitors[role].get(f"{path}{'&' if '?' in path else '?'}lang={language}")[1]
            shown = " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split()).casefold()
            words = [" ".join(one.split()).casefold() for one in re.findall(r"(?s)\*\*(.+?)\*\*", text)]
            assert words, name
            missing += [(language, name, one) for one in words if one not in shown]
    assert missing == []
