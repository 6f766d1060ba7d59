"""Texts for people: translated into their language, or saved in the database to be translated later.

English stands in the source and has no catalogue.  `said.po` remembers, as gettext does, what a text that a database may
hold was before it was reworded: `#| msgid "the former words"`.
"""

from ast import literal_eval
from collections.abc import Callable
from functools import cache
from typing import Any

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from mailcore.package_data import folder_of
from mailcore.saying import Saying, Translatable

MAX_VALUE = 200  # characters
_FORMER = "| msgid "
_CATALOGUES = folder_of("mailcore", "translations")


def translate(text: str, look_up: Callable[[str], str]) -> str:
    """Translate a Saying by `look_up`; plain text (a server's answer) stays as it is."""
    if not isinstance(text, Translatable):
        return text
    values = {
        name: translate(value, look_up) if isinstance(value, str) else value for name, value in text.values.items()
    }
    return look_up(text.text) % values


def translate_into(language: str, text: str) -> str:
    """Translate a Saying into `language` where no page is shown: for what is sent by mail."""
    return translate(text, lambda message: _words(language).get(message, message))


def _messages(language: str) -> list[Message]:
    path = _CATALOGUES / language / "LC_MESSAGES" / "said.po"
    if not path.is_file():
        return []
    with path.open("rb") as file:
        return [message for message in read_po(file) if message.id]


@cache
def _words(language: str) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in _messages(language) if message.string}


@cache
def _reworded() -> dict[str, str]:
    """Map each former text to the one that stands in the source today."""
    return {
        literal_eval(comment.removeprefix(_FORMER)): str(message.id)
        for message in _messages("nb")
        for comment in message.user_comments
        if comment.startswith(_FORMER)
    }


def to_json(text: object) -> Any:  # Any: what JSON holds
    """Convert a Saying with its values, or plain text, to values of JSON."""
    if isinstance(text, Translatable):
        return [text.text, {name: to_json(value) for name, value in text.values.items()}]
    return text if isinstance(text, int) else str(text)[:MAX_VALUE]


def from_json(stored: Any) -> str:
    """Restore a text that `to_json` converted."""
    if not isinstance(stored, list):
        return str(stored)
    text, values = str(stored[0]), stored[1]
    return Saying(_reworded().get(text, text), **{name: from_json(value) for name, value in values.items()})
