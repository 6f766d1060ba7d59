"""CWE-400: mail that takes long to read takes excerpts away from the owner's search, not the search."""

import pytest

from mailcore.services.webmail import mail_search
from tests.attacks.portal.conftest import Site
from tests.portal.mailing import put

SLOW = b"From: x@outside.example\r\nSubject: Hei\r\nContent-Type: text/html\r\n\r\n<p>regning</p>" + b"<div>" * 1000


def test_the_list_is_whole_where_there_is_no_time_for_excerpts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        put(site.core, site.kari, SLOW + b"%d" % number)
    query = mail_search.parse("regning")
    found = mail_search.search(site.core, site.kari.id, query)
    assert len(found) == 12
    assert all(hit.text.startswith("regning") for hit in found)
    monkeypatch.setattr(mail_search, "EXCERPT_SECONDS", 0)
    found = mail_search.search(site.core, site.kari.id, query)
    assert len(found) == 12
    assert sum(bool(hit.text) for hit in found) <= 1
