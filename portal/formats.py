"""Sizes, times, mailboxes and browsers in words, in the language of the reader."""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache

from babel import numbers
from flask_babel import format_date, format_datetime, format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from mailcore.clock import to_time
from mailcore.domain import GIB, PROTOCOLS, Account, Mailbox, Scope
from mailcore.services.webmail import snooze
from portal import i18n

MIB = 2**20

_SPECIAL = {
    "\\Drafts": _l("Drafts"),
    "\\Sent": _l("Sent"),
    "\\Junk": _l("Junk mail"),
    "\\Trash": _l("Trash"),
    "\\Archive": _l("Archive"),
}

_BROWSERS = (  # the order matters: most call themselves by others' names, too
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Vivaldi/", "Vivaldi"), ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ("w3m/", "w3m"), ("Lynx/", "Lynx"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def protocol(scope: str) -> str:
    """Name the protocol of a scope, as mail programs show it."""
    return PROTOCOLS.get(Scope(scope), scope)


def size(octets: int) -> str:
    """Two decimals of GB as the quota is spoken of, MB and kB for what is small."""
    return sizes()(octets)


def sizes() -> Callable[[int], str]:
    """`size` for many: the language is asked once."""
    locale = i18n.language()
    return lambda octets: _size(-(-octets // 1024), locale)


@lru_cache(8192)
def _size(kib: int, locale: str) -> str:
    """Rounded to kB first, so that few have to be worked out."""
    if kib >= 100 * 1024:
        return f"{numbers.format_decimal(kib / 2**20, '#,##0.##', locale=locale)} GB"
    if kib >= 1024:
        return f"{numbers.format_decimal(kib / 1024, '#,##0.#', locale=locale)} MB"
    return f"{numbers.format_decimal(kib, '#,##0', locale=locale)} kB"


def program(agent: str) -> str:
    """A browser as people call it, from what it says of itself; what is not known is shown as it is."""
    name = next((words for sign, words in _BROWSERS if sign in agent), "")
    system = next((words for sign, words in _SYSTEMS if sign in agent), "")
    return ", ".join(part for part in (name, system) if part) if name else agent[:80]


def paragraphs(text: str) -> Markup:
    """Plain text as HTML: lines stay lines, empty lines part paragraphs (text browsers break no line of a <pre>)."""
    parts = (part.strip("\n") for part in text.split("\n\n"))
    return Markup("\n").join(
        Markup("<p>{}</p>").format(Markup("<br>\n").join(part.split("\n"))) for part in parts if part.strip()
    )


def day_number() -> str:
    """The day of the month: `1.` in Norwegian, `1` in English."""
    return "d" if i18n.language() == "en" else "d."


def day(value: date) -> str:
    return str(format_date(value, f"{day_number()} MMMM yyyy"))


def moment(value: datetime | int) -> str:
    """A time as people here read it; seconds since 1970 are taken, too."""
    at = value if isinstance(value, datetime) else to_time(value)
    return str(format_datetime(at, f"{day_number()} MMM yyyy HH:mm"))


def quota_text(account: Account) -> str:
    if not account.quota:
        return _("%(used)s used", used=size(account.used))
    if account.quota < 100 * MIB:
        used, quota = size(account.used), size(account.quota)
    else:
        used, quota = f"{format_decimal(account.used / GIB, '0.00')} GB", size(account.quota)
    return _("%(used)s of %(quota)s used (%(percent)s %%)", used=used, quota=quota, percent=account.percent)


def mailbox_title(box: Mailbox) -> str:
    if box.name == "INBOX":
        return _("Inbox")
    if box.special_use in _SPECIAL:
        return str(_SPECIAL[box.special_use])
    if box.name == snooze.NAME:
        return _("Snoozed")
    return box.name
