"""A page of a service on which one changes one's settings, as its own message names it.  Never raises.

Only pages by HTTPS of hosts that the caller knows as the sender's, and without what stands behind `?` or `#`: a link out of a
message may hold a password of one use, or do something by being opened.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from mailcore.mail.reading.message import Message
from mailcore.mail.reading.text import part_text
from mailcore.mail.showing import body, html_scan
from mailcore.services.webmail import text_links

MAX_OCTETS = 96 * 1024  # of each part that are read
MAX_LINKS, MAX_URL = 300, 300
_WORDS = re.compile(
    r"(?i)(?<!\w)(?:(?:account|profile|email|e-mail|contact|personal|notification|user)\W{1,3}"
    r"(?:settings|preferences|options|details|information|info|page)"
    r"|(?:my|your|manage|update|edit|change|min|mi|din|mitt|endre|oppdater|rediger|administrer)\W{1,3}(?:\w{1,30}\W{1,3})?"
    r"(?:account|profile|preferences|settings|email|subscription|side|sider|konto|kontoen|profil|profilen|innstillinger"
    r"|e-post|kontaktinformasjon)|kontoinnstillinger|profilinnstillinger|varslingsinnstillinger|mine sider"
    r"|personopplysninger|kontaktinformasjon)(?!\w)"
)
_PATH = re.compile(
    r"(?i)/(?:(?:my[-_]?)?(?:account|profile|settings|preferences|user|users|konto|minkonto|profil|innstillinger|minside"
    r"|min-side|minesider|mine-sider|mypage|my-page|mypages|medlem|member)s?)(?:[/._-]|$)"
)
_SAFE = re.compile(r"https://[a-z0-9.-]{1,200}(?:/[A-Za-z0-9._~/-]*)?")
_SPENT = re.compile(
    r"(?i)unsubscribe|avmeld|logout|log-out|logg-ut|delete|slett|confirm|bekreft|verify|reset|token|[0-9a-f]{16}"
)


def find_settings_page(message: Message, is_theirs: Callable[[str], bool]) -> str:
    """Return the page, or ""."""
    best = ""
    for number, (words, target) in enumerate(_list_links(message)):
        if number >= MAX_LINKS:
            break
        url = _clean(target)
        if not url or not is_theirs(url) or _SPENT.search(urlsplit(url).path):
            continue
        if _WORDS.search(words[:200]):
            return url
        if not best and _PATH.search(urlsplit(url).path):
            best = url
    return best


def _list_links(message: Message) -> Iterator[tuple[str, str]]:
    """Yield words and target of the links of a message."""
    for part in body.leaves(message.root):
        if part.type != "text":
            continue
        text = part_text(message.octets, part, MAX_OCTETS)
        if part.subtype == "html":
            yield from html_scan.links(text)
        else:
            for line, links in text_links.find_line_links(text):
                for link in links:
                    yield line[: link.start], link.address


def _clean(target: str) -> str:
    """Return a URL without query and fragment, "" for what is no plain page."""
    try:
        parts = urlsplit(target.strip())
        if parts.scheme != "https" or parts.username is not None or parts.port not in (None, 443):
            return ""
        url = f"https://{(parts.hostname or '').lower()}{parts.path}"
    except ValueError:
        return ""
    return url if len(url) <= MAX_URL and _SAFE.fullmatch(url) else ""
