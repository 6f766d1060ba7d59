"""A property: any set of messages goes out (mbox, Maildir, take-out) and comes in again as the same set."""

import io
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailcore.services.accounts import accounts
from mailcore.services.operations import health
from mailcore.services.transfer import mail_import, maildir_reader, takeout, takeout_import
from mailcore.services.transfer.zip_reader import ZipReader
from mailcore.store.mail.mailboxes import canonical
from tests.mailboxes import put
from tests.unit.test_mbox import FLAGS, OCTETS, TIMES

LEVELS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="*%/"), min_size=1, max_size=8),
    st.sampled_from(
        [
            "INBOX",
            "Sent",
            "cur",
            "new",
            "tmp",
            "a",
            "A",
            "a.mbox",
            "x:y?",
            "CON",
            "end.",
            " ",
            "æ",
            "æ",
            "~2",
            "a~2",
            "&APg-",
            "\\",
        ]
    ),  # noqa: E501
).filter(lambda level: level not in (".", ".."))
NAMES = st.lists(LEVELS, min_size=1, max_size=3).map("/".join)
MESSAGES = st.tuples(NAMES, OCTETS, FLAGS, TIMES, st.binary(max_size=20))
NUMBERS = count()
WAYS = ("mbox", "maildir", "mbox alone", "maildir on disk")


def contents(core, account):
    """Mailbox: each message's octets, flags and time with its zone."""

    def read(tx):
        return {
            box.name: sorted(
                (
                    core.mail.octets(tx, box.id, info.uid),
                    sorted(info.flags),
                    info.internal_date,
                    info.internal_date.utcoffset(),
                )
                for info in core.mail.infos(tx, box.id, [(1, 2**31)])
            )
            for box in core.mail.mailboxes(tx, account.id)
        }

    return core.db.read(read)


def fresh(core):
    account = accounts.add_account(core, f"p{next(NUMBERS)}")
    core.db.write(
        lambda tx: [core.mail.expunge(tx, b.id, None, only_deleted=False) for b in core.mail.mailboxes(tx, account.id)]
    )
    return account


def bring(core, account, file, way, folder):
    if way in takeout.FORMS:
        return takeout_import.import_takeout(core, account.id, file)
    archive = zipfile.ZipFile(file)
    archive.extractall(folder)
    if way == "maildir on disk":
        return maildir_reader.import_maildir(core, account.id, folder)
    told = takeout_import._read_description(ZipReader(file))
    for box in told["mailboxes"]:
        with (folder / box["file"]).open("rb") as one:
            mail_import.import_mbox(core, account.id, one, box["name"])
    return None


@pytest.mark.parametrize("way", WAYS)
@given(st.lists(MESSAGES, max_size=6), st.booleans())
@example([("a", b"x\r\n", frozenset(), datetime(2020, 1, 1, tzinfo=UTC), b"")] * 3, False)  # the same one three times
@example(
    [
        ("a/cur", b"1", frozenset(), datetime(2020, 1, 1, tzinfo=UTC), b""),
        ("a", b"2", frozenset(), datetime(2020, 1, 1, tzinfo=UTC), b""),
    ],
    False,
)  # noqa: E501
@example(
    [
        (
            "a",
            b"",
            frozenset({f"k{n}" for n in range(40)}),
            datetime(1901, 1, 1, 0, 0, 1, tzinfo=timezone(timedelta(minutes=-30))),
            b"a\tb\r\n> (c",
        )
    ],
    True,
)  # noqa: E501
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_set_of_messages_out_and_in_again_is_the_same_set(core, tmp_path_factory, way, messages, small):
    ola, kari = fresh(core), fresh(core)
    for name, octets, flags, at, sender in messages:
        prefix = b"Return-Path: <%b>\r\n" % sender.replace(b"\n", b"") if sender else b""
        put(core, ola, canonical(name.rstrip("/")), octets, flags, at, prefix=prefix)
    planned = takeout.make_plan(core, ola.id, "maildir" if "maildir" in way else "mbox", small=small)
    file = io.BytesIO(b"".join(takeout.write_zip(core, ola.id, planned)))
    for turn in ("into an empty account", "again, where nothing is doubled"):
        bring(core, kari, file, way, tmp_path_factory.mktemp("out"))
        sent, got = contents(core, ola), contents(core, kari)
        if way == "mbox alone":  # of an empty file nothing comes, not its mailbox either
            sent = {name: ms for name, ms in sent.items() if ms or name in got}
        assert got == sent, turn


def test_a_renamed_special_mailbox_and_one_of_its_old_name_stay_apart(core):
    ola, kari = fresh(core), fresh(core)
    core.db.write(lambda tx: core.mail.rename(tx, ola.id, "Sent", "Sendt"))
    put(core, ola, "Sent", b"Subject: an old one\r\n\r\n")
    put(core, ola, "Sendt", b"Subject: sent\r\n\r\n")
    takeout_import.import_takeout(
        core, kari.id, io.BytesIO(b"".join(takeout.write_zip(core, ola.id, takeout.make_plan(core, ola.id))))
    )
    assert [len(contents(core, kari)[name]) for name in ("Sent", "Sendt")] == [1, 1]
    assert health.check_installation(core, repair=False) == []
