"""Texts for people: translated into their language, or saved in the database to be translated later."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

from mailcore.saying import Saying, Translatable

MAX_VALUE = 200  # characters
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


@cache
def _words(language: str) -> dict[str, str]:
    path = _CATALOGUES / language / "LC_MESSAGES" / "said.po"
    with path.open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id and one.string}


def keep(said: object) -> Any:  # Any: what JSON holds
    """A Saying with its values, or plain text, as JSON."""
    if isinstance(said, Translatable):
        return [said.text, {name: keep(value) for name, value in said.values.items()}]
    return said if isinstance(said, int) else str(said)[:MAX_VALUE]


def kept(told: Any) -> str:
    """Restore a text that `keep` converted."""
    return (
        Saying(told[0], **{name: kept(value) for name, value in told[1].items()})
        if isinstance(told, list)
        else str(told)
    )
