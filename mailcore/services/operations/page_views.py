"""Page views of public pages (S04), counted without cookies and without saved addresses.

A visitor is counted once a day and page: by a hash of address, browser and page, keyed with a secret that lives for that
day.  Programs that say what they are, prefetching and HEAD are not counted.  Counting never keeps a page waiting.
"""

import hashlib
import hmac
import re

from mailcore.core import Core
from mailcore.domain import PageFacts
from mailcore.errors import InvalidName
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.site import public_pages as store

PAGES = ("/", "/faq", "/help", "/clients", "/status")
AUDIENCES = ("students", "staff", "alumni", "everyone")
TOPICS = ("e-mail", "account", "help")
_PROGRAM = re.compile(
    r"bot|crawl|spider|slurp|curl|wget|python|java/|go-http|monitor|preview|fetch|scan|headless", re.IGNORECASE
)


def count_view(core: Core, name: str, *, peer: str, agent: str) -> None:
    """Count a person's GET of the page."""
    if name not in PAGES or not agent or _PROGRAM.search(agent):
        return
    day = core.clock.now().date().isoformat()

    def write(tx: Tx) -> None:
        words = f"{peer}\n{agent}\n{name}".encode("utf-8", "replace")
        store.count_visit(tx, name, hmac.new(store.get_day_key(tx, day), words, hashlib.sha256).hexdigest())

    core.db.post(write)


def get_facts(core: Core, name: str) -> PageFacts:
    return core.db.read(lambda tx: store.get_page(tx, name))


def list_pages(core: Core) -> list[PageFacts]:
    """List every page that is counted, with its views."""
    known = {page.name: page for page in core.db.read(store.list_pages)}
    return [known.get(name, PageFacts(name, 0, (), ())) for name in PAGES]


def tag_page(core: Core, name: str, audience: tuple[str, ...], topic: tuple[str, ...], *, actor: str = "") -> PageFacts:
    """Set audience and topic of a page.  Raises InvalidName for a page or a word that is not offered."""
    for facts, offered in (((name,), PAGES), (audience, AUDIENCES), (topic, TOPICS)):
        for word in facts:
            if word not in offered:
                raise InvalidName(f"{word!r} is not offered; there are {', '.join(offered)}")

    def write(tx: Tx) -> None:
        before = store.get_page(tx, name)
        store.tag_page(tx, name, " ".join(audience), " ".join(topic))
        new, old = " ".join((*audience, *topic)) or "none", " ".join((*before.audience, *before.topic)) or "none"
        audit.note(core, tx, None, Event.PAGE_TAGGED, actor=actor, detail=f"{name}: {new}, before {old}")

    core.db.write(write)
    return get_facts(core, name)
