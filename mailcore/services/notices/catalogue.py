"""Texts for people: translated into their language, or saved in the database to be translated later.

English stands in the source and has no catalogue.  `said.po` remembers, as gettext does, what a text that a database may
hold was before it was reworded: `#| msgid "the former words"`.
"""

from ast import literal_eval
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from mailcore.saying import Saying, Translatable

MAX_VALUE = 200  # characters
_FORMER = "| msgid "
_CATALOGUES = Path(__file__).resolve().parents[3] / "portal" / "translations"


def told(said: str, say: Callable[[str], str]) -> str:
    """A Saying in the language of `say`; what has no translation (a server's answer) stays as it is."""
    if not isinstance(said, Translatable):
        return said
    values = {name: told(value, say) if isinstance(value, str) else value for name, value in said.values.items()}
    return say(said.text) % values


def told_in(language: str, said: str) -> str:
    """The same where no page is shown: for what is sent by mail."""
    return told(said, lambda text: _words(language).get(text, text))


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


def keep(said: object) -> Any:  # Any: what JSON holds
    """A Saying with its values, or plain text, as JSON."""
    if isinstance(said, Translatable):
        return [said.text, {name: keep(value) for name, value in said.values.items()}]
    return said if isinstance(said, int) else str(said)[:MAX_VALUE]


def kept(told: Any) -> str:
    """Restore a text that `keep` converted."""
    if not isinstance(told, list):
        return str(told)
    text, values = str(told[0]), told[1]
    return Saying(_reworded().get(text, text), **{name: kept(value) for name, value in values.items()})
