"""Messages to the author of a script: English, with the values apart, so that they can be translated."""


class Saying(str):
    """A sentence with its values in place.

    Attributes:
        text: the sentence with `%(name)s` where the values stand; the key of its translations.
        values: what stands there; a Saying among them is language too.
    """

    text: str
    values: dict[str, object]

    def __new__(cls, text: str, /, **values: object) -> "Saying":
        made = super().__new__(cls, text % values)
        made.text, made.values = text, values
        return made
