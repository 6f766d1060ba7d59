"""Texts of the service for people: English, with the values apart, so that they can be translated when they are shown."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Translatable(Protocol):
    """English with its values apart: a Saying, or a Phrase of the Sieve language, which knows nothing of ours."""

    text: str
    values: dict[str, object]


class Saying(str):
    """A sentence with its values in place.

    Attributes:
        text: the sentence with `%(name)s` where the values stand; the key of its translations.
        values: what stands there; what is Translatable among them is language too.
    """

    text: str
    values: dict[str, object]

    def __new__(cls, text: str, /, **values: object) -> "Saying":
        saying = super().__new__(cls, text % values)
        saying.text, saying.values = text, values
        return saying
