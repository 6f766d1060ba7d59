"""Every page is under 50,000 octets with everything that it brings, as a browser holds it in memory (issue 4, N16).

Nothing is compressed.  What is kept from the page before is counted in full on each.  HTMX is counted apart: it comes once a
year, after the page (`defer`), for those pages alone on which it does something (test_links.py).
"""

import re
from urllib.parse import urljoin

import pytest

from tests.pages import site

pytestmark = [pytest.mark.slow, pytest.mark.interop]
MOST_OCTETS, MOST_OF_HTMX = 50_000, 53_000
_HTMX = "/static/htmx.min.js"
_BRINGS = re.compile(r'<(?:link rel="(?:stylesheet|icon)"[^>]*href|script[^>]*src|img[^>]*src|use href)="([^"#]+)')
_PICTURE = re.compile(r'url\("?([^)"]+)"?\)')


class Weigher:
    """Weighs pages with all that they load, each file fetched once."""

    def __init__(self, base: str, role: str) -> None:
        self._visitor = site.Visitor(base, role)
        self._files: dict[str, bytes] = {}

    def _file(self, address: str) -> bytes:
        if address not in self._files:
            self._files[address] = self._visitor.octets(address)
        return self._files[address]

    def page(self, path: str, text: str) -> dict[str, int]:
        """Octets of the page and of each file that comes with it."""
        found = {path: len(text.encode())}
        waiting = {urljoin(path, one.replace("&amp;", "&")) for one in _BRINGS.findall(text)}
        while waiting:
            address = waiting.pop()
            name = address.partition("?")[0]
            if name in found or address.startswith("data:"):
                continue
            octets = self._file(address)
            if name == _HTMX:
                assert len(octets) < MOST_OF_HTMX
                continue
            found[name] = len(octets)
            if name.endswith(".css"):
                waiting |= {urljoin(address, one) for one in _PICTURE.findall(octets.decode())}
        return found


@pytest.mark.parametrize("role", site.ROLES, ids=["stranger", "person", "desk", "admin"])
def test_n16_every_page_is_under_50_kb_unpacked_with_everything(portal, pages, role):
    base, app = portal
    weigher = Weigher(base, role)
    heavy = {}
    for path in site.one_of_each(app, pages, role):
        parts = weigher.page(path, next(pages[one][path][1] for one in (role, *site.ROLES) if path in pages[one]))
        if sum(parts.values()) > MOST_OCTETS:
            heavy[path] = parts
    assert not heavy
