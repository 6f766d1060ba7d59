"""A message as a script sees it in deliveries, with everything else (mailboxes, lists, memory ...) as the case says."""

from datetime import UTC, datetime

from mailcore.mail.reading.message import Message
from mailcore.services.sieve_scripts.script_view import MessageText, ScriptView


class View(ScriptView):
    def __init__(self, text: str, given: str = "") -> None:
        self._items = []
        for line in given.splitlines():
            key, _, value = line.partition("=")
            self._items.append((key.strip(), value.strip()))
        octets = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        now = datetime(2026, 11, 24, 10, 30, 5, tzinfo=UTC)
        super().__init__(
            MessageText(Message(octets)), self._one("from") or "", self._one("to") or "me@example.org", now
        )
        self.size = int(self._one("size") or len(octets))
        self.envelope_auth = self._one("auth") or ""

    def _one(self, key: str) -> str | None:
        return next((value for name, value in self._items if name == key), None)

    def _all(self, key: str) -> list[str]:
        return [value for name, value in self._items if name == key]

    def mailbox_exists(self, name: str) -> bool:
        return ("mailbox", name) in self._items

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

    def virus_level(self) -> int:
        return int(self._one("virus") or 0)

    def environment(self, item: str) -> str | None:
        return self._one(f"env.{item}")


def shown(action: object) -> str:
    """One action in one line: its name, then every field that says something.  Line ends are shown as `|`."""
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
            words.append(f"{name}={value}".replace("\r\n", "|"))
    return " ".join(words)
