"""Texts for people keep to the glossary of docs/words.md, in all three languages."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from portal.i18n import read_catalogues
from tools import catalogues

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "nb", "nn")
GREETING = re.compile(r"^(?:Hei|Hello)(?: \$display_name)?!\n\n[A-ZÆØÅÉ$]", re.MULTILINE)


@cache
def refused() -> dict[str, tuple[str, ...]]:
    """Map each language to the words that the glossary refuses."""
    words: dict[str, list[str]] = {language: [] for language in LANGUAGES}
    for line in (ROOT / "docs/words.md").read_text(encoding="utf-8").splitlines():
        last = line.rstrip("| ").rpartition("|")[2] if line.startswith("|") else line.partition("not English: ")[2]
        for group in last.split(";"):
            language, _, listed = group.strip().partition(": ")
            if language in words and listed:
                words[language] += [word.strip() for word in listed.split(",")]
    return {language: tuple(found) for language, found in words.items()}


def texts(language: str) -> Iterator[tuple[str, str]]:
    """Yield where a text stands, and the text."""
    if language == "en":
        for text in catalogues.list_texts().values():
            yield text.catalogue, f"{text.text} {text.plural}"
    for message in read_catalogues(language):
        if message.id:
            translated = message.string if isinstance(message.string, tuple) else (message.string,)
            yield from ((str(message.id), text) for text in translated)
    for folder in ("notices", "canned", "faq"):
        for path in sorted((ROOT / "templates" / folder).glob(f"*.{language}.*")):
            yield path.name, path.read_text(encoding="utf-8")


def deviations(language: str, text: str) -> list[str]:
    spoken = re.sub(r"%\(\w+\)s|\$\{?\w+\}?|\]\([^)]*\)|\{#[\w-]+\}|`[^`]*`", " ", text)
    return [
        word
        for word in refused()[language]
        if re.search(rf"(?<!\w)(?<!\be-){re.escape(word)}(?![\w-])", spoken, re.IGNORECASE)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_keep_to_the_words_of_the_glossary(language):
    assert refused()[language], "the glossary is not read"
    found = [(where, words, text) for where, text in texts(language) if (words := deviations(language, text))]
    assert found == []


def test_the_glossary_is_read_by_language():
    assert "tjener" in refused()["nb"]
    assert "tjener" not in refused()["nn"]
    assert deviations("nb", "Tjeneren svarte ikke") == ["tjeneren"]
    assert deviations("nb", "Tjenesten svarte ikke") == []
    assert deviations("nb", "en ACME-tjener") == ["tjener"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_notices_greet_alike(language):
    for path in sorted((ROOT / "templates/notices").glob(f"*.{language}.txt")):
        text = path.read_text(encoding="utf-8")
        if re.search(r"^(?:Hei|Hello)\b", text, re.MULTILINE):
            assert GREETING.search(text), path.name
