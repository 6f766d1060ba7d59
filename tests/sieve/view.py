"""A MessageView over Python's email package, good enough for tests."""

from email import message_from_string
from email.header import decode_header, make_header


class View:
    def __init__(self, text: str, given: str = "") -> None:
        self._message = message_from_string(text)
        self._items = []
        for line in given.splitlines():
            key, _, value = line.partition("=")
            self._items.append((key.strip(), value.strip()))
        self.size = int(self._one("size") or len(text))
        self.envelope_from = self._one("from") or ""
        self.envelope_to = self._one("to") or "me@example.org"

    def _one(self, key: str) -> str | None:
        return next((value for name, value in self._items if name == key), None)

    def header(self, name: str) -> list[str]:
        values = self._message.get_all(name, [])
        return [str(make_header(decode_header(v.replace("\n", "")))) for v in values]

    def environment(self, item: str) -> str | None:
        return self._one(f"env.{item}")

    def mailbox_exists(self, name: str) -> bool:
        return ("mailbox", name) in self._items

    def body_text(self) -> str:
        return str(self._message.get_payload())


def shown(action: object) -> str:
    """One action in one line: its name, then every field that says something."""
    words = [type(action).__name__.lower()]
    for name in action.__slots__:  # type: ignore[attr-defined]  # our actions have slots
        value = getattr(action, name)
        if value is True:
            words.append(name)
        elif isinstance(value, tuple):
            words += [f"{name}={' '.join(value)}"] if value else []
        elif value not in (False, "") and name != "handle":
            words.append(f"{name}={value}".replace("\n", "|"))
    return " ".join(words)
