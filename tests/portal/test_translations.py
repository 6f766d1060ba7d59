"""Every text is there in all languages.  English stands in the source, and has no catalogue."""

import ast
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mailcore.services.notices.catalogue import from_json, translate_into
from portal.i18n import read_catalogues
from tools import catalogues

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def languages_apart(tmp_path, monkeypatch) -> Path:
    """Copies of all catalogues, which `catalogues` then brings up to date."""
    for package in ("mailcore", "portal"):
        shutil.copytree(ROOT / package / "translations", tmp_path / package / "translations")
    texts = catalogues.list_texts()
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    monkeypatch.setattr(catalogues, "list_texts", lambda: dict(texts))
    return tmp_path


@cache
def _used() -> set[str]:
    return {text for _context, text in catalogues.list_texts()}


def _given(called: ast.Call) -> ast.expr | None:
    """The text of an error of Sieve, where the call is one."""
    name = called.func.id if isinstance(called.func, ast.Name) else getattr(called.func, "attr", "")
    place = {"ScriptError": 1, "_note": 1, "_lost": 0, "fail": 0, "_expect": 1}.get(name)
    return called.args[place] if place is not None and len(called.args) > place else None


def _untold() -> Iterator[str]:
    for path in sorted((ROOT / "sieve").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            given = _given(node)
            if isinstance(given, ast.Constant | ast.JoinedStr | ast.BinOp):
                yield f"{path.name}:{node.lineno}"


def _catalogue(language: str) -> dict[str, list[str]]:
    return {
        (m.id[0] if isinstance(m.id, tuple) else m.id): [m.string]
        if isinstance(m.string, str)
        else list(m.string or ())
        for m in read_catalogues(language)
        if m.id and not m.fuzzy
    }


@pytest.mark.parametrize("language", ["nb", "nn"])
def test_every_text_is_translated(language):
    catalogue = _catalogue(language)
    assert {text for text in _used() if not all(catalogue.get(text, [""]))} == set(), "`make po`, and translate these"


def test_every_error_of_a_script_is_a_saying():
    assert list(_untold()) == []


@pytest.mark.parametrize("language", ["nb", "nn"])
def test_no_text_is_translated_in_vain(language):
    """Every message of the catalogues is used somewhere."""
    assert set(_catalogue(language)) - _used() == set()


@pytest.mark.parametrize("language", ["nb", "nn"])
def test_translations_keep_the_places_for_values(language):
    def places(text: str) -> list[str]:
        return sorted(re.findall(r"%\(\w+\)s|%%", text))

    for text, translated in _catalogue(language).items():
        assert all(places(one) == places(text) for one in translated), text


def test_a_template_speaks_the_readers_language_at_every_turn(inside):
    """Templates are compiled once for each language; none may speak that of the reader before."""
    for language, words in (
        ("nb", "Videresending"),
        ("nn", "Vidaresending"),
        ("en", "Forwarding"),
        ("nb", "Videresending"),
    ):
        page = inside.get(f"/forwarding?lang={language}").text
        assert f'<html lang="{language}">' in page
        assert f"<h1>{words}</h1>" in page


def test_english_has_no_catalogue():
    """Its words are those of the source: a better wording is a better source."""
    assert not list(ROOT.glob("*/translations/en"))
    assert not [message for message in read_catalogues("en") if message.id]


def test_a_text_saved_before_it_was_reworded_is_still_translated():
    saved = ["%(name)s in the file is too large.", {"name": "mail.zip"}]
    assert translate_into("nb", from_json(saved)) == "mail.zip i filen er for stor."
    assert from_json(saved) == "mail.zip in the file is too large."


def test_make_po_has_nothing_to_do_and_what_translators_wrote_stays_to_the_letter(languages_apart):
    before = {path: path.read_text() for path in languages_apart.rglob("*.po")}
    assert [
        text for language in catalogues.LANGUAGES for text in catalogues.update(language, catalogues.list_texts())
    ] == [], "`make po`, and translate these"
    assert {path: path.read_text() for path in languages_apart.rglob("*.po")} == before


def test_make_po_adds_what_is_new_where_its_feature_is_and_takes_away_what_nothing_says(languages_apart):
    texts = catalogues.list_texts()
    del texts["", "Filters"]
    new = catalogues.Text('%(n)s "thing"', "quota", "made", '%(n)s "things"')
    assert new.text in catalogues.update("nn", {**texts, new.key: new})
    added = (languages_apart / "portal/translations/nn/LC_MESSAGES/quota.po").read_text()
    assert added.endswith(
        '\n\n#, python-format\nmsgctxt "made"\nmsgid "%(n)s \\"thing\\""\nmsgid_plural "%(n)s \\"things\\""\n'
        'msgstr[0] ""\nmsgstr[1] ""\n'
    )
    assert not [path for path in languages_apart.rglob("nn/*/*.po") if 'msgid "Filters"' in path.read_text()]
