"""CWE-770: files of help cases stand in nobody's quota, so a day has a bound for each account, and for all strangers."""

from collections.abc import Callable

import pytest

from mailcore.domain import Account, NewFile, Ticket
from mailcore.errors import TooMany
from mailcore.services.tickets import case_files, tickets
from tests.attacks.portal.conftest import Site

FILE = NewFile("a.bin", "application/octet-stream", b"x" * (2 * 2**10 - 1))  # 2 KiB as they are counted


def submit(site: Site, owner: Account | None, *files: NewFile) -> Ticket:
    return tickets.submit_form(
        site.core, kind="other", subject="Hjelp", text="Hei", reply_to="" if owner else "a@outside.example", owner=owner,
        peer="127.0.0.1", language="nb", files=files,
    )  # fmt: skip


@pytest.mark.parametrize(("owner", "limit"), [(True, "FILES_OF_OWNER"), (False, "FILES_OF_STRANGERS")])
def test_files_of_a_day_have_a_bound_over_all_cases(
    site: Site, monkeypatch: pytest.MonkeyPatch, owner: bool, limit: str
) -> None:
    monkeypatch.setattr(case_files, limit, 6)
    who = site.kari if owner else None
    ticket = submit(site, who, FILE)
    tickets.post_message(site.core, ticket.id, "more", files=[FILE])
    submit(site, who, FILE)
    more: list[Callable[[], object]] = [
        lambda: submit(site, who, FILE),
        lambda: tickets.post_message(site.core, ticket.id, "more", files=[FILE]),
    ]
    for add in more:
        with pytest.raises(TooMany):
            add()
    submit(site, who)  # words are taken all the same
    submit(site, site.ola, FILE)  # and other people's files
