"""What was said to people, kept in the database so that it can be told in other languages later."""

from typing import Any

from mailcore.errors import Saying

MAX_VALUE = 200  # characters


def keep(said: object) -> Any:  # Any: what JSON holds
    """A Saying with its values, or plain text, as JSON."""
    if isinstance(said, Saying):
        return [said.text, {name: keep(value) for name, value in said.values.items()}]
    return said if isinstance(said, int) else str(said)[:MAX_VALUE]


def kept(told: Any) -> str:
    """What `keep` made."""
    return Saying(told[0], **{name: kept(value) for name, value in told[1].items()}) if isinstance(told, list) else str(told)
