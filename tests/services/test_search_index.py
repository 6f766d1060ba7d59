"""The search index changes how quickly a text is found, never what is found."""

import contextlib
import secrets
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailcore.core import Core
from mailcore.domain import AccountId, MailboxId
from mailcore.mail.asking.criteria import AllOf, AnyOf, Body, Criterion, Flag, Header, Not, Nothing, Text, Uids
from mailcore.mail.reading.charsets import to_scalars
from mailcore.mail.reading.text import fold
from mailcore.mail.showing import text_marks
from mailcore.services.operations import health
from mailcore.services.webmail import indexing
from mailcore.store.engine.db import Tx
from mailcore.store.mail import query
from mailcore.store.mail import text_marks as store_marks
from mailcore.store.people.accounts import insert_account

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LETTERS = [
    "Subject: Rømmegrøt\r\n\r\nblåbær og kvernbekk\r\n",
    "Subject: kvernbekk\r\nX-Note: KVERN\r\n\r\nab\r\n",
    "Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\na3Zlcm5iZWtr\r\n",
    "Subject: x\r\nContent-Type: image/png\r\n\r\nkvernbekk\r\n",
    'Subject: x\r\n\r\nquote " and "kvern\r\n',
]


@pytest.fixture
def box(core: Core) -> MailboxId:
    def make(tx) -> MailboxId:
        account = insert_account(tx, "ola", "Ola", None, 0, "nb", "", 1)
        return core.mail.create(tx, account, "INBOX").id

    made = core.db.write(make)
    put(core, made, LETTERS)
    return made


def put(core: Core, box: MailboxId, letters: list[str]) -> None:
    for letter in letters:
        prepared = core.blobs.prepare(letter.encode())
        core.db.write(
            lambda tx, prepared=prepared: core.mail.append(
                tx, AccountId(1), box, prepared, frozenset(), NOW, prefix=b"Received: by mx.alumni.example\r\n"
            )
        )


def find(core: Core, box: MailboxId, criterion: Criterion) -> list[int]:
    plan = query.plan(criterion)
    hits = core.search.hits(AccountId(1), plan.texts)
    try:
        return core.db.read(lambda tx: plan.confirm(tx, core.blobs, plan.possible(plan.narrow(tx, box), hits), hits))
    finally:
        hits.close()


QUESTIONS = [
    (Body(fold("kvernbekk")), [1, 3]), (Text(fold("kvernbekk")), [1, 2, 3]), (Body(fold("BLÅBÆR")), [1]),
    (Text(fold("rømmegrøt")), [1]), (Body(fold("ab")), [2]), (Body(fold('"kvern')), [5]), (Body(fold("zzz")), []),
    (Text(fold("mx.alumni.example")), [1, 2, 3, 4, 5]), (Header("x-note", fold("kvern")), [2]), (Header("x-note", ""), [2]),
    (Not(Body(fold("kvernbekk"))), [2, 4, 5]), (AnyOf((Body(fold("ab")), Header("subject", fold("rømme")))), [1, 2]),
    (AllOf((Not(Flag("\\Seen")), Text(fold("kvern")))), [1, 2, 3, 5]), (Body(fold("a\0b")), []),
]  # fmt: skip


@pytest.mark.parametrize(("criterion", "uids"), QUESTIONS)
def test_the_same_is_found_with_and_without_an_index(core: Core, box: MailboxId, criterion: Criterion, uids: list[int]):
    assert find(core, box, criterion) == uids
    assert indexing.mark_texts(core) == len(LETTERS)
    assert find(core, box, criterion) == uids
    assert indexing.update_index(core, AccountId(1)) == len(LETTERS)
    assert find(core, box, criterion) == uids


MORE = [
    "Subject: x\r\nContent-Type: text/html\r\n\r\n<p>&aring;rs<b>m&oslash;te</b></p><p hidden>skjult</p>\r\n",
    "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    "Content-Type: application/pdf; name=plan.pdf\r\n\r\nx\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: innkalling\r\n\r\ndagsorden\r\n--b--\r\n",
]
SEEN = [
    (Body(fold("årsmøte")), [6]), (Text(fold("årsmøte")), [6]), (Body(fold("oslash")), []), (Text(fold("skjult")), []),
    (Text(fold("plan.pdf")), [7]), (Body(fold("plan.pdf")), []), (Text(fold("innkalling")), [7]), (Body(fold("innkalling")), []),
    (Body(fold("dagsorden")), [7]), (Text(fold("application/pdf")), [7]), (Not(Text(fold("innkalling"))), [1, 2, 3, 4, 5, 6]),
]  # fmt: skip


@pytest.mark.parametrize(("criterion", "uids"), SEEN)
def test_texts_fields_and_names_of_parts_are_found_with_and_without_an_index(
    core: Core, box: MailboxId, criterion, uids
):
    put(core, box, MORE)
    assert find(core, box, criterion) == uids
    indexing.mark_texts(core)
    assert find(core, box, criterion) == uids
    indexing.update_index(core, AccountId(1))
    assert find(core, box, criterion) == uids


def test_a_message_that_cannot_be_read_now_keeps_no_other_from_its_mark(core: Core, box: MailboxId):
    """The job would begin with it each time, and mark nothing that came after."""
    put(core, box, ["Subject: large\r\n\r\n" + "abc " * 100_000, "Subject: after\r\n\r\nkvernkall\r\n"])
    [large] = [path for path in (Path(core.config.data) / "blobs").rglob("*") if path.is_file()]
    large.unlink()
    assert indexing.mark_texts(core) == len(LETTERS) + 2
    blobs = core.db.read(lambda tx: [row[0] for row in tx.rows("SELECT id FROM blob ORDER BY id")])
    marks = dict(core.db.read(lambda tx: store_marks.get_marks(tx, blobs)))
    assert marks[blobs[-2]] == text_marks.ANYTHING
    assert marks[blobs[-1]] != text_marks.ANYTHING


def test_an_index_of_an_earlier_reading_is_filled_anew(core: Core, box: MailboxId):
    path = core.search.path(AccountId(1))
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(apsw.Connection(str(path))) as old:
        old.execute("CREATE VIRTUAL TABLE grams USING fts5(text, content='', contentless_delete=1, detail=none)")
        old.execute("CREATE TABLE body (blob INTEGER PRIMARY KEY, text BLOB NOT NULL)")
        old.execute("INSERT INTO body SELECT value, 'old' FROM json_each('[1,2,3,4,5]')")
    assert find(core, box, Body(fold("kvernbekk"))) == [1, 3]
    assert core.search.accounts() == [AccountId(1)]
    indexing.KeepUp().run(core)
    assert len(core.search.list_known(AccountId(1))) == len(LETTERS)
    assert find(core, box, Body(fold("kvernbekk"))) == [1, 3]


@pytest.mark.parametrize(("ranges", "uids"), [((), []), (((1, 2),), [1, 2]), (((1, 1), (3, 9)), [1, 3, 4, 5])])
def test_the_unseen_of_some_ranges(core: Core, box: MailboxId, ranges: tuple[tuple[int, int], ...], uids: list[int]):
    unseen = Not(Flag("\\Seen"))
    assert find(core, box, AllOf((Uids(ranges), unseen))) == uids
    assert find(core, box, AllOf((AnyOf((Uids(ranges), Nothing())), unseen))) == uids
    assert find(core, box, AllOf((Nothing(), unseen))) == []


def test_what_came_after_the_index_is_found_too(core: Core, box: MailboxId):
    indexing.update_index(core, AccountId(1))
    put(core, box, ["Subject: y\r\n\r\nkvernbekk\r\n"])
    assert find(core, box, Body(fold("kvernbekk"))) == [1, 3, 6]


def test_a_wish_is_fulfilled_once(core: Core, box: MailboxId):
    indexing.request_index(core, AccountId(1))
    indexing.request_index(core, AccountId(1))
    assert indexing.update_requested(core) == 1
    assert indexing.update_requested(core) == 0
    assert len(core.search.list_known(AccountId(1))) == len(LETTERS)


def test_an_index_forgets_what_is_gone(core: Core, box: MailboxId):
    indexing.update_index(core, AccountId(1))
    core.db.write(lambda tx: core.mail.expunge(tx, box, [(1, 2)], only_deleted=False))
    assert indexing.update_index(core, AccountId(1)) == 0
    assert len(core.search.list_known(AccountId(1))) == len(LETTERS) - 2


def test_a_broken_index_is_no_loss_and_check_says_so(core: Core, box: MailboxId):
    indexing.update_index(core, AccountId(1))
    core.search.path(AccountId(1)).write_bytes(b"x" * 8192)
    assert any("search index" in line for line in health.check_installation(core, repair=False))
    assert find(core, box, Body(fold("kvernbekk"))) == [1, 3]
    health.check_installation(core, repair=True)
    indexing.update_requested(core)
    assert health.check_installation(core, repair=False) == []
    assert find(core, box, Body(fold("kvernbekk"))) == [1, 3]


def test_the_index_goes_with_the_account(core: Core, box: MailboxId):
    indexing.update_index(core, AccountId(1))
    core.search.forget(AccountId(1))
    assert core.search.accounts() == []


ALPHABET = st.text(st.sampled_from('abAå"* %\n\0ß'), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(ALPHABET, min_size=1, max_size=6), wanted=ALPHABET.filter(bool))
@example(bodies=[""], wanted="\n")
def test_an_index_never_hides_a_message(core: Core, bodies: list[str], wanted: str):
    def make(tx) -> MailboxId:
        account = insert_account(tx, f"u{secrets.token_hex(8)}", "", None, 0, "nb", "", 1)
        return core.mail.create(tx, account, "INBOX").id

    box = core.db.write(make)
    account = core.db.read(lambda tx: core.mail.get(tx, box)).account
    for body in bodies:
        prepared = core.blobs.prepare(f"Subject: s\r\n\r\n{body}".encode())
        core.db.write(lambda tx, p=prepared: core.mail.append(tx, account, box, p, frozenset(), NOW))
    plan = query.plan(Body(fold(wanted)))
    answers = []
    for _ in range(2):
        hits = core.search.hits(account, plan.texts)
        answers.append(
            core.db.read(lambda tx, h=hits: plan.confirm(tx, core.blobs, plan.possible(plan.narrow(tx, box), h), h))
        )
        hits.close()
        indexing.update_index(core, account)
    assert answers[0] == answers[1] == [n for n, body in enumerate(bodies, 1) if fold(wanted) in fold(to_scalars(body))]


@pytest.mark.parametrize("is_filled", [False, True])
def test_hundreds_of_keys_read_each_message_once(core: Core, box: MailboxId, is_filled: bool, monkeypatch):
    """240 keys read the header of each message 240 times, and asked the index as often (CWE-400)."""
    if is_filled:
        indexing.update_index(core, AccountId(1))
    header, knows = core.blobs.header, []
    read: list[int] = []

    def read_header(tx: Tx, blob: int) -> bytes:
        read.append(blob)
        return header(tx, blob)

    monkeypatch.setattr(core.blobs, "header", read_header)
    keys = [Not(Text(fold(f"nothing{n}"))) for n in range(100)] + [
        Not(Header("x-note", f"NOTHING{n}")) for n in range(100)
    ]
    hits = core.search.hits(AccountId(1), query.plan(AllOf(tuple(keys))).texts)
    if (connection := hits._connection) is not None:

        class Counted:
            def execute(self, sql: str, params: tuple[object, ...]) -> apsw.Cursor:
                knows.append(sql)
                return connection.execute(sql, params)

        monkeypatch.setattr(hits, "_connection", Counted())
    plan = query.plan(AllOf(tuple(keys)))
    found = core.db.read(lambda tx: plan.confirm(tx, core.blobs, plan.narrow(tx, box), hits))
    if connection is not None:
        connection.close()
    assert found == list(range(1, len(LETTERS) + 1))
    assert len(read) <= len(LETTERS)
    assert len(knows) <= len(LETTERS)


def test_sets_in_many_pieces_that_narrow_nothing_are_no_matter_of_sql():
    """119 sets of 100 ranges were compared range by range for each message: 12 s for 20,000 (CWE-400)."""
    pieces = tuple((n, n) for n in range(1, 200, 2))
    known, sets = Uids(((1, 20_000),)), [Not(Uids(pieces)) for _ in range(119)] + [Uids(pieces) for _ in range(119)]
    plan = query.plan(AllOf((known, *sets)))
    said = plan.where + "".join(sql for sql, _ in plan.columns)
    assert said.count("BETWEEN") <= query.MAX_RANGES + 1
