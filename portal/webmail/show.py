"""Formats of lists: dates and sizes as words, links that preserve what the reader chose.

A list has fifty lines and is the page that everybody opens: what a library would work out for each line is
remembered here.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_skeleton, format_time
from flask import request
from markupsafe import Markup, escape

from mailcore.services.webmail.mail_list import ListRequest
from mailcore.services.webmail.text_links import TextLink, find_line_links
from portal import current, formats, i18n
from portal.addresses import url_for

# the last @ counts, as in browsers
_HOST = re.compile(r"(?i)https?://(?:[^/?#\\]*@)?([^/?#:\\@]{1,255})")


def short_date(at: datetime) -> str:
    """The time today, else the day; the year only where it is another one."""
    return dates()(at)


def dates() -> Callable[[datetime], str]:
    """`short_date` for many: what day it is and the language are asked once."""
    here, locale = current.core().config.zone, i18n.language()
    today = current.core().clock.now().astimezone(here).date().toordinal()
    return lambda at: _short(at.replace(second=0, microsecond=0), today, locale, here)


@lru_cache(8192)
def _short(at: datetime, today: int, locale: str, here: ZoneInfo) -> str:
    at = at.astimezone(here)
    age = today - at.date().toordinal()
    if age == 0:
        return str(format_time(at, "HH:mm", locale=locale))
    this_year = (at + timedelta(days=age)).year == at.year
    return str(format_skeleton("MMMd" if this_year else "yMMMd", at, locale=locale))


def long_date(at: datetime) -> str:
    here = at.astimezone(current.core().config.zone)
    return str(format_datetime(here, f"EEEE {formats.day_number()} MMMM yyyy HH:mm", locale=i18n.language()))


def linked(text: str) -> Markup:
    """Plain text with its web addresses as links, and what is quoted marked as such."""
    lines = []
    for line, links in find_line_links(text):
        shown = _with_links(line, links)
        lines.append(Markup('<span class="quoted">{}</span>').format(shown) if line.startswith(">") else shown)
    return Markup("\n").join(lines)


def _with_links(line: str, links: list[TextLink]) -> Markup:
    if not links:
        return escape(line)
    pieces, at = list[str](), 0
    for link in links:
        pieces += [
            escape(line[at : link.start]),
            f'<a href="{escape(link.address)}" target="_blank" rel="noopener noreferrer nofollow">'
            f"{_with_host(line[link.start : link.end])}</a>",
        ]
        at = link.end
    return Markup("".join((*pieces, escape(line[at:]))))  # noqa: S704 - every piece is escaped


def _with_host(address: str) -> Markup:
    """Show an address with its host marked: it alone tells whose page it is."""
    host = _HOST.match(address)
    if host is None:
        return escape(address)
    start, end = host.span(1)
    return Markup("{}<b>{}</b>{}").format(address[:start], address[start:end], address[end:])


def inside_url(what: str, inside: str, mailbox: str, uid: int, **values: int | None) -> str:
    """Return the address of a message's `page`, `html` or `file`; `inside` is the path of one within it, or ""."""
    if not inside:
        return url_for("webmail.message" if what == "page" else f"webmail.{what}", mailbox=mailbox, uid=uid, **values)
    return url_for(f"webmail.inside_{what}", mailbox=mailbox, uid=uid, inside=inside, **values)


def query(wish: ListRequest, **changes: str) -> str:
    """The part of a list's address after `?`, with what differs from the plain list; "" for no difference."""
    values = {
        "order": wish.order if wish.order != "date" else "",
        "way": "up" if wish.ascending else "",
        "only": wish.only,
        "view": request.args.get("view", ""),
    } | changes
    text = urlencode({name: value for name, value in values.items() if value})
    return f"?{text}" if text else ""
