"""Every text is there in all languages."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from portal.i18n import read_catalogues

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}


def _used() -> set[str]:
    found: set[str] = set()
    for folder in ("portal", "templates"):
        methods = [("**.py", "python")] if folder == "portal" else [("**.html", "jinja2")]
        for _file, _line, message, *_rest in extract_from_dir(ROOT / folder, methods, keywords=KEYWORDS):
            found.add(message[0] if isinstance(message, tuple) else message)
    return found


def _catalogue(language: str) -> dict[str, list[str]]:
    return {
        (m.id[0] if isinstance(m.id, tuple) else m.id): list(m.string) if isinstance(m.string, tuple) else [m.string]
        for m in read_catalogues(language)
        if m.id and not m.fuzzy
    }


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_every_text_is_translated(language):
    catalogue = _catalogue(language)
    assert {text for text in _used() if not all(catalogue.get(text, [""]))} == set()


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_translations_keep_the_places_for_values(language):
    def places(text: str) -> list[str]:
        return sorted(re.findall(r"%\(\w+\)s|%%", text))

    for text, translated in _catalogue(language).items():
        assert all(places(one) == places(text) for one in translated), text
