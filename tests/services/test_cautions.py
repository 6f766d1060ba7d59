"""Cautions about names that hold somebody else's address, and mailing lists that write such names."""

from pathlib import Path

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.mail.reading.message import Message
from mailcore.services.webmail.cautions import Caution, find_cautions

LIST = "ann@example.org via List <list@example.net>"
ID = "List-Id: Our list <list.example.net>\r\n"
DMARC = "dmarc=pass header.from=example.net policy.dmarc=none"
DKIM = "dkim=pass header.d=example.net header.s=one;\r\n\tdmarc=none header.from=example.net"
WARNED = (Caution("name", "ann@example.org", "list@example.net"),)


def field(results: str, host: str = "mx.alumni.example") -> str:
    return f"Authentication-Results: {host};\r\n\tspf=pass smtp.mailfrom=example.net;\r\n\t{results}\r\n"


def cautions(tmp_path: Path, fields: str, sender: str = LIST) -> tuple[Caution, ...]:
    core = cores.build(Config(data=str(tmp_path), hostname="mx.alumni.example"))
    try:
        header = Message(f"{fields}From: {sender}\r\nSubject: hei\r\n\r\nhei\r\n".encode()).header
        return find_cautions(core, header, "", ())
    finally:
        cores.close(core)


@pytest.mark.parametrize("results", [DMARC, DKIM])
@pytest.mark.parametrize("identifier", [ID, "List-Id: <example.net>\r\n", "List-Id: <L.EXAMPLE.NET>\r\n"])
def test_a_list_that_is_what_it_says_may_name_whose_words_it_brings(tmp_path, results, identifier):
    assert cautions(tmp_path, field(results) + identifier) == ()


@pytest.mark.parametrize(
    "fields",
    [
        field(DMARC),  # no list
        ID,  # nobody has looked
        field("dmarc=none header.from=example.net") + ID,
        field("dmarc=pass header.from=example.com") + ID,
        field("dkim=pass header.d=evil.example;\r\n\tdmarc=none") + ID,
        field("dkim=fail header.d=example.net;\r\n\tdmarc=none") + ID,
        field(DMARC, "mx.outside.example") + ID,  # a stranger's word
        field(DMARC) + "List-Id: <list.example.com>\r\n",
        field(DMARC) + "List-Id: <list.badexample.net>\r\n",
    ],
)
def test_whoever_only_looks_like_one_is_warned_of(tmp_path, fields):
    assert cautions(tmp_path, fields) == WARNED


def test_a_list_whose_message_fails_is_warned_of_twice(tmp_path):
    failed = field("dkim=none;\r\n\tdmarc=fail header.from=example.net") + ID
    assert cautions(tmp_path, failed) == (Caution("unconfirmed"), *WARNED)


@pytest.mark.parametrize(
    ("sender", "claimed"),
    [
        ('"ann@example.org" <list@example.net>', "ann@example.org"),
        ('"ann@example.org (via phone)" <list@example.net>', "ann@example.org"),
        ("desk@alumni.example via List <list@example.net>", "desk@alumni.example"),
    ],
)
def test_other_names_and_addresses_of_ours_are_warned_of_from_lists_too(tmp_path, sender, claimed):
    assert cautions(tmp_path, field(DMARC) + ID, sender) == (Caution("name", claimed, "list@example.net"),)
