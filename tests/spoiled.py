"""Texts that are nearly right: a secret or a link with one wrong character."""


def spoil(text: str) -> str:
    """Replace the last character by another one, whichever stands there."""
    return text[:-1] + ("x" if text[-1] != "x" else "y")
