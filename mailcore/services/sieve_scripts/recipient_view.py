"""A message as the script of one recipient sees it: the envelope, and what belongs to the account.

Lists (RFC 6134): `:addrbook:default` is the address book, `:addrbook:blocked` the blocked list; the same as
`urn:ietf:params:sieve:addrbook:default` and so on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import AccountId, Dsn, Envelope, Mailbox, Recipient
from mailcore.errors import MailboxNotFound
from mailcore.services.sieve_scripts import spam_scores
from mailcore.services.sieve_scripts.script_view import MessageText, ScriptView
from mailcore.store.delivery.vacation_memory import was_answered
from mailcore.store.engine.db import Tx
from mailcore.store.mail import annotations
from mailcore.store.mail.quota import get_space
from mailcore.store.webmail import contacts
from sieve import one_address

URN = "urn:ietf:params:sieve"
BOOK, BLOCKED = f"{URN}:addrbook:default", f"{URN}:addrbook:blocked"
_DSN = ("notify", "ret", "orcpt", "envid")


@dataclass(frozen=True, slots=True)
class ScriptContext:
    """The context in which a script runs: one transaction, one account.

    Attributes:
        trace: our own trace fields, which alone are believed about spam.
        room: octets used and allowed, where they are known.
        items: of the environment test, beside those that are always there.
    """

    core: Core
    tx: Tx
    account: AccountId
    now: datetime
    trace: bytes = b""
    room: tuple[int, int] | None = None
    items: Mapping[str, str] | None = None


class RecipientView(ScriptView):
    """Nothing is looked up before a script asks."""

    def __init__(self, place: ScriptContext, message: MessageText, envelope: Envelope, address: str) -> None:
        super().__init__(message, envelope.sender, address, place.now.astimezone(place.core.config.zone))
        self._place, self._envelope = place, envelope

    @classmethod
    def of_delivery(
        cls, place: ScriptContext, message: MessageText, envelope: Envelope, recipient: Recipient
    ) -> "RecipientView":
        return cls(place, message, envelope, recipient.address)

    # Mailboxes

    def _box(self, name: str) -> Mailbox | None:
        try:
            return self._place.core.mail.mailbox(self._place.tx, self._place.account, name)
        except MailboxNotFound:
            return None

    def _boxes(self) -> list[Mailbox]:
        return self._place.core.mail.mailboxes(self._place.tx, self._place.account)

    def mailbox_exists(self, name: str) -> bool:
        return self._box(name) is not None

    def mailbox_for(self, special_use: str) -> str | None:
        return next((box.name for box in self._boxes() if box.special_use.lower() == special_use.lower()), None)

    def mailbox_with_id(self, identity: str) -> str | None:
        """Find a mailbox by its id (RFC 9042), the one that IMAP shows (RFC 8474)."""
        return next((box.name for box in self._boxes() if box.object_id == identity), None)

    def metadata(self, mailbox: str, entry: str) -> str | None:
        box = self._box(mailbox) if mailbox else None
        if mailbox and box is None:
            return None
        value = annotations.list_entries(self._place.tx, self._place.account, box.id if box else 0).get(entry.lower())
        if value is None and box is not None and entry.lower() == "/private/specialuse" and box.special_use:
            return box.special_use
        return None if value is None else value.decode("utf-8", "replace")

    # Memory and lists

    def was_seen(self, key: str, seconds: int, _last: bool) -> bool:
        since = int(self.now.timestamp()) - seconds
        return was_answered(self._place.tx, self._place.account, "duplicate", key, since)

    def list_exists(self, name: str) -> bool:
        return _full_list_name(name) in (BOOK, BLOCKED)

    def list_holds(self, name: str, value: str) -> bool:
        address = (one_address(value) or value).lower()
        match _full_list_name(name):
            case "urn:ietf:params:sieve:addrbook:default":
                return contacts.has_contact(self._place.tx, self._place.account, address)
            case "urn:ietf:params:sieve:addrbook:blocked":
                return contacts.is_blocked(self._place.tx, self._place.account, address)
        return False

    def list_members(self, name: str) -> Sequence[str]:
        """List the members for `redirect :list`: the address book; nothing is sent to those who are blocked."""
        if _full_list_name(name) != BOOK:
            return ()
        return [address for address, _ in contacts.list_contacts(self._place.tx, self._place.account)]

    # What is known of the message

    def envelope_option(self, name: str) -> str | None:
        said = self._envelope.dsn.get(self.envelope_to, Dsn())
        return (getattr(said, name) or None) if name in _DSN else None

    def spam_percent(self) -> float | None:
        return spam_scores.read_spam_percent(self._place.trace)

    def virus_level(self) -> int:
        return spam_scores.read_virus_level(self._place.trace)

    def environment(self, item: str) -> str | None:
        """RFC 5183 section 4.1, and our own quota items in octets and whole percent."""
        place, config = self._place, self._place.core.config
        if item.startswith("vnd.alumnimail.quota-"):
            used, quota = place.room or get_space(place.tx, place.account)
            values = {"used": used, "limit": quota, "percent": used * 100 // quota if quota else 0}
            found = values.get(item.removeprefix("vnd.alumnimail.quota-"))
            return None if found is None else str(found)
        known = {
            "domain": config.domain,
            "host": config.host,
            "location": "MTA",
            "phase": "during",
            "remote-ip": self._envelope.peer,
            "remote-host": self._envelope.helo,
            **(place.items or {}),
        }
        return known.get(item)


def _full_list_name(name: str) -> str:
    """RFC 6134 section 2.5: a name that begins with ":" stands below our URN."""
    return (URN + name if name.startswith(":") else name).lower()
