"""CWE-400: mail that takes long to read takes texts and excerpts away from the owner's search, not the search."""

from dataclasses import dataclass

import pytest

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.mail.showing import searchable
from mailcore.services.accounts import accounts
from mailcore.services.webmail import indexing, mail_search
from mailcore.services.webmail.mail_search import Result
from tests.attacks.portal.conftest import Site
from tests.portal.conftest import PASSWORD
from tests.portal.mailing import put

SLOW = b"From: x@outside.example\r\nSubject: Hei\r\nContent-Type: text/html\r\n\r\n<p>regning</p>" + b"<div>" * 1000
QUERY = mail_search.parse("regning")
MANY = 12


_number = iter(range(100))


@dataclass(frozen=True, slots=True)
class Bombed:
    """An account of its own, with a box full of what takes long to read."""

    site: Site
    core: Core
    owner: Account

    def search(self) -> Result:
        return mail_search.search(self.core, self.owner.id, QUERY)


@pytest.fixture
def bombed(site: Site) -> Bombed:
    owner = accounts.add_account(site.core, f"reader{next(_number)}", password=PASSWORD)
    for number in range(MANY):
        put(site.core, owner, SLOW + b"%d" % number)
    return Bombed(site, site.core, owner)


def test_the_list_is_whole_where_there_is_no_time_for_excerpts(bombed: Bombed, monkeypatch: pytest.MonkeyPatch) -> None:
    found = bombed.search().hits
    assert len(found) == MANY
    assert all(hit.text.startswith("regning") for hit in found)
    monkeypatch.setattr(mail_search, "EXCERPT_SECONDS", 0)
    found = bombed.search().hits
    assert len(found) == MANY
    assert sum(bool(hit.text) for hit in found) <= 1


def test_a_search_before_the_index_reads_as_long_as_it_may_and_tells_what_is_left(
    bombed: Bombed, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bombed.core, bombed.owner, b"From: x@outside.example\r\nSubject: Regning nr 1\r\n\r\nhei\r\n")
    whole = bombed.search()
    assert (len(whole.hits), whole.unread) == (MANY + 1, 0)
    monkeypatch.setattr(mail_search, "READ_SECONDS", 0)
    hurried = bombed.search()
    assert [hit.line.subject for hit in hurried.hits] == ["Regning nr 1"]  # a header costs no reading
    assert hurried.unread >= MANY
    page = bombed.site.browser(bombed.owner.name).get("/mail/search?q=regning").text
    assert "meldinger er ikke søkt i ennå" in page
    assert indexing.update_requested(bombed.core)  # it was wished for
    after = bombed.search()
    assert (len(after.hits), after.unread) == (MANY + 1, 0)


def test_a_large_message_is_read_only_where_there_is_time_for_all_of_it(
    bombed: Bombed, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bombed.core, bombed.owner, SLOW + b"x" * 100_000)
    monkeypatch.setattr(mail_search, "READ_RATE", 100_000 / mail_search.READ_SECONDS)
    result = bombed.search()
    assert (len(result.hits), result.unread) == (MANY, 1)


def test_a_million_tags_are_no_million_steps_for_search() -> None:
    """Behind the first ones a tag is a blank: what is hidden there is found too, and nothing that is shown is lost."""
    few = SLOW + b"<p hidden>gjemt</p>"
    assert "GJEMT" not in searchable.read(few).body
    found = searchable.read(SLOW + b"<br>" * searchable.MANY_TAGS + b"<p hidden>gjemt</p>m&oslash;te<i>bok").body
    assert "REGNING" in found
    assert "GJEMT" in found
    assert "MØTE BOK" in found
