"""Words to the author of a script: English, with the values apart, so that whoever shows them can translate them."""


class Phrase(str):
    """A sentence, or a part of one, with its values in place.

    Attributes:
        text: the sentence with `%(name)s` where the values stand; the key of its translations.
        values: what stands there; a Phrase among them is language too.
    """

    text: str
    values: dict[str, object]

    def __new__(cls, text: str, /, **values: object) -> "Phrase":
        phrase = super().__new__(cls, text % values)
        phrase.text, phrase.values = text, values
        return phrase
