"""Letters of the service: each stands there in every language, with the same places for words."""

from string import Template

import pytest

from mailcore.services.notices import notices

NAMES = sorted({path.name.partition(".")[0] for path in notices._FOLDER.glob("*.txt")})


@pytest.mark.parametrize("name", NAMES)
def test_a_notice_is_there_in_every_language_with_a_subject_and_the_same_words(name):
    texts = {
        path.name.split(".")[1]: path.read_text(encoding="utf-8") for path in notices._FOLDER.glob(f"{name}.*.txt")
    }
    assert sorted(texts) == sorted(notices.LANGUAGES)
    words = {language: set(Template(text).get_identifiers()) for language, text in texts.items()}
    assert words == dict.fromkeys(texts, words["en"])
    for text in texts.values():
        subject, _, body = text.partition("\n\n")
        assert subject.strip()
        assert "\n" not in subject
        assert body.strip()
