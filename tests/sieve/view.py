"""A MessageView over Python's email package, good enough for tests."""

from datetime import UTC, datetime
from email import message_from_string
from email.header import decode_header, make_header

from sieve import Field, MessageView, Part


class MailPart(Part):
    def __init__(self, message) -> None:
        self._message = message
        self.type, self.subtype = message.get_content_maintype(), message.get_content_subtype()
        self.params = dict(message.get_params()[1:] if message.get_params() else [])
        self.children = [MailPart(part) for part in message.get_payload()] if message.is_multipart() else []

    def header(self, name: str) -> list[str]:
        return [str(value) for value in self._message.get_all(name, [])]

    def content(self) -> bytes:
        if self.children:
            return ((self._message.preamble or "") + (self._message.epilogue or "")).encode()
        return self._message.get_payload(decode=True)

    def text(self) -> str:
        return self.content().decode(self._message.get_content_charset("utf-8"), "replace")


class View(MessageView):
    def __init__(self, text: str, given: str = "") -> None:
        self._text = text
        self._message = message_from_string(text)
        self._items = []
        for line in given.splitlines():
            key, _, value = line.partition("=")
            self._items.append((key.strip(), value.strip()))
        self.size = int(self._one("size") or len(text))
        self.envelope_from = self._one("from") or ""
        self.envelope_to = self._one("to") or "me@example.org"
        self.now = datetime(2026, 11, 24, 10, 30, 5, tzinfo=UTC)

    def _one(self, key: str) -> str | None:
        return next((value for name, value in self._items if name == key), None)

    def _all(self, key: str) -> list[str]:
        return [value for name, value in self._items if name == key]

    def fields(self):
        return [Field(n, v, f"{n}: {v}\r\n".encode()) for n, v in self._message.items()]

    def body(self) -> bytes:
        return self._text.partition("\n\n")[2].encode()

    def mailbox_for(self, special_use: str) -> str | None:
        return self._one(f"use.{special_use}")

    def mailbox_with_id(self, identity: str) -> str | None:
        return self._one(f"id.{identity}")

    def metadata(self, mailbox: str, entry: str) -> str | None:
        return self._one(f"metadata.{mailbox}{entry}")

    def was_seen(self, key: str, seconds: int, last: bool) -> bool:
        return bool(self._one("seen"))

    def list_exists(self, name: str) -> bool:
        return bool(self._all(f"list.{name}"))

    def list_holds(self, name: str, value: str) -> bool:
        return value in self._all(f"list.{name}")

    def list_members(self, name: str) -> list[str]:
        return self._all(f"list.{name}")

    def envelope_option(self, name: str) -> str | None:
        return self._one(f"dsn.{name}")

    def spam_percent(self) -> float | None:
        value = self._one("spam")
        return float(value) if value else None

    def header(self, name: str) -> list[str]:
        values = self._message.get_all(name, [])
        return [str(make_header(decode_header(v.replace("\n", "")))) for v in values]

    def environment(self, item: str) -> str | None:
        return self._one(f"env.{item}")

    def mailbox_exists(self, name: str) -> bool:
        return ("mailbox", name) in self._items

    def root(self) -> Part:
        return MailPart(self._message)


def shown(action: object) -> str:
    """One action in one line: its name, then every field that says something."""
    words = [type(action).__name__.lower()]
    for name in action.__slots__:  # type: ignore[attr-defined]  # our actions have slots
        value = getattr(action, name)
        if value is True:
            words.append(name)
        elif isinstance(value, tuple):
            words += [f"{name}={' '.join(value)}"] if value else []
        elif name == "octets" and value is not None:
            words.append("header=" + value.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "|"))
        elif name == "seconds" and value == action.days * 86400:  # type: ignore[attr-defined]
            continue
        elif value not in (False, "", None) and name != "handle":
            words.append(f"{name}={value}".replace("\n", "|"))
    return " ".join(words)
