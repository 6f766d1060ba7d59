"""The privacy page and the accessibility statement (N41)."""

import pytest

from mailcore.services import data_inventory
from mailcore.services.data_inventory import Purpose, Term
from portal.front import stored_words


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_n41_each_table_with_personal_data_stands_on_the_page(browser, language):
    page = browser.get(f"/privacy?lang={language}").text
    named = {name for names in page.split("<code>")[1:] for name in names.partition("</code>")[0].split(", ")}
    assert named == {table.name for table in data_inventory.list_tables() if table.personal}


def test_n41_every_purpose_and_term_has_words():
    assert set(stored_words.PURPOSES) == set(Purpose)
    assert set(stored_words.TERMS) == set(Term)


@pytest.mark.parametrize(("language", "words"), [
    ("nb", ("Personvern", "Tilgjengelighet")), ("nn", ("Personvern", "Tilgjenge")), ("en", ("Privacy", "Accessibility")),
])  # fmt: skip
def test_n41_the_foot_of_every_page_leads_there(browser, language, words):
    foot = browser.get(f"/login?lang={language}").text.partition("<footer>")[2]
    for path, word in zip(("/privacy", "/accessibility"), words, strict=True):
        assert f'<a href="{path}">{word}</a>' in foot
        assert f"<h1>{word}</h1>" in browser.get(f"{path}?lang={language}").text
