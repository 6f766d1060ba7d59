"""The summary of a blob says what its header says, and is written once, also for blobs of an older database."""

import dataclasses
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.core import Core
from mailcore.domain import MailboxId
from mailcore.mail.asking.summary import USUAL, choose, summarise
from mailcore.mail.reading import header
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.text import fold
from mailcore.store.engine.tx import Tx
from mailcore.store.mail import message_reader
from mailcore.store.people.accounts import insert_account

LETTER = (
    b"Received: by mx\r\nFrom: =?utf-8?q?K=C3=A5re?= <kaare@outside.example>\r\n"
    b"To: Ola <ola@alumni.example>,\r\n kari@alumni.example\r\n"
    b"Subject: Re: [list] =?utf-8?q?Bl=C3=A5b=C3=A6r?=\r\nDate: Fri, 2 Jan 2026 23:30:00 -0500\r\n"
    b"Message-ID: <b@x>\r\nReferences: <a@x> <c@x>\r\nX-Other: y\r\n\r\nhi\r\n"
)


def test_an_empty_field_of_addresses_hides_none_behind_it():
    found = summarise(Header(b"From:\r\nFrom: a@x\r\nTo: \r\nTo: Bo <b@x>\r\nCc:\r\nCc: c@x\r\n\r\n"))
    assert (found.from_key, found.to_key, found.cc_key) == ("A", "B", "C")
    assert (found.from_name, found.to_name) == (fold("a@x"), fold("Bo"))


def columns(core: Core, name: str) -> list[object]:
    return [row[0] for row in core.db.read(lambda tx: tx.rows(f"SELECT {name} FROM summary ORDER BY blob"))]


def test_a_letter_is_summed_up():
    found = summarise(Header(LETTER))
    assert (found.sent_at, found.is_answer, found.base) == (1767414600, True, fold("Blåbær"))
    assert found.sender == fold("Kåre <kaare@outside.example>")
    assert found.recipient == fold("Ola <ola@alumni.example>, kari@alumni.example")
    assert (found.cc, found.message_id, found.references) == (None, "b@x", "a@x c@x")
    assert (found.from_key, found.from_name) == ("KAARE", fold("Kåre"))


@pytest.mark.parametrize(
    "block", [b"", b"\xff\xfe", b"Date: x\r\nSubject:\r\n\r\n", b"\0: \0\r\n", b"Subject: =?x?q?=ED=A0=80?=\r\n"]
)
def test_any_octets_have_a_summary_that_can_be_kept(core: Core, block: bytes):
    prepared = core.blobs.prepare(block or b"x")
    core.db.write(lambda tx: core.blobs.save(tx, prepared, 1))
    assert len(columns(core, "base")) == 1


def test_the_usual_fields_are_verbatim_and_in_their_order():
    chosen = choose(["To", "subject"])
    assert chosen is not None
    usual = summarise(Header(LETTER)).usual
    assert usual is not None
    assert chosen.pick_fields(usual, None) == (
        b"To: Ola <ola@alumni.example>,\r\n kari@alumni.example\r\nSubject: Re: [list] =?utf-8?q?Bl=C3=A5b=C3=A6r?=\r\n\r\n"
    )


def test_a_field_that_is_not_usual_is_not_chosen():
    assert choose(["to", "x-other"]) is None
    assert len(USUAL) < 255


@given(
    st.lists(
        st.tuples(st.sampled_from(["From", "SUBJECT", "x-other", "Date "]), st.text("ab:\t \0é", max_size=8)),
        max_size=6,
    )
)
def test_chosen_fields_are_what_a_look_at_the_header_gives(fields):
    block = "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + b"\r\n"
    chosen = choose(["subject", "from", "date"])
    assert chosen is not None
    usual = summarise(Header(block)).usual
    assert chosen.pick_fields(usual, block) == header.select(block, ["subject", "from", "date"], invert=False)


def test_a_header_with_nul_has_no_usual_fields():
    assert summarise(Header(b"From: a\0b\r\n\r\n")).usual is None


def test_blobs_of_an_older_database_are_summed_up(core: Core):
    prepared = core.blobs.prepare(LETTER)
    core.db.write(lambda tx: core.blobs.save(tx, prepared, 1))
    saved = core.db.read(lambda tx: tx.rows("SELECT * FROM summary"))
    core.db.write(lambda tx: tx.run("DELETE FROM summary"))
    core.db.write(import_module("mailcore.store.migrations.0012_webmail")._summarise_all)
    assert columns(core, "message_id") == ["b@x"]
    assert core.db.read(lambda tx: tx.rows("SELECT * FROM summary")) == saved


def test_folding_takes_case_and_accents_apart():
    assert fold("Blåbær") == fold("BLÅBÆR")
    assert fold("a") in fold("Å")
    assert fold("ﬁ") == "FI"


def test_the_store_gives_the_whole_header_where_the_fields_are_not_cut_apart(core: Core):
    block = b"Subject: a\0b\r\nFrom: \xff\r\n\r\n"

    def keep(tx: Tx) -> MailboxId:
        account = insert_account(tx, "ola", "", None, 0, "nb", "", 1)
        box = core.mail.create(tx, account, "INBOX").id
        core.mail.append(tx, account, box, prepared, frozenset(), core.clock.now())
        return box

    prepared = core.blobs.prepare(block)
    box = core.db.write(keep)
    row = core.db.read(lambda tx: list(core.mail.rows(tx, box, [(1, 1)], frozenset({"usual"}))))[0]
    assert (row[message_reader.USUAL], row[message_reader.UNCUT]) == (None, block)


@pytest.mark.parametrize(
    ("block", "references"),
    [
        (b"References: <yes>\r\nIn-Reply-To: <a@x>\r\n\r\n", "a@x"),
        (b"References: <yes> <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\n", "b@x"),
        (b'References: <"a b"@x> <c@x>\r\n\r\n', '"ab"@x c@x'),
        (b"In-Reply-To: your letter <a@x> of <b@x>\r\n\r\n", "a@x"),
        (b"References: nothing <\r\n\r\n", ""),
    ],
)
def test_what_is_no_message_id_hides_none(block, references):
    assert summarise(Header(block)).references == references


names = st.sampled_from([b"Subject", b"From", b"To", b"Date", b"References", b"Message-ID"])
odd = st.one_of(st.binary(max_size=30), st.just(b"=?utf-7?Q?+2AA-+AAA-?= <=?utf-7?Q?+2AA-?=@x>"))


@given(st.lists(st.tuples(names, odd), max_size=5))
def test_what_the_database_saves_is_text(fields):
    """Lone surrogates cannot be saved as UTF-8, and NUL would end the text for SQL: the reader lets neither out."""
    found = summarise(Header(b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"))
    for name in (field.name for field in dataclasses.fields(found)):
        value = getattr(found, name)
        if isinstance(value, str):
            value.encode("utf-8")
            assert "\0" not in value
