"""The search index: for each account a SQLite file of its own with the trigrams of what its messages say (FTS5).

What a message says is mail/showing/searchable.py's to tell; an index made from an earlier reading of it is emptied and
filled anew.

Derived and disposable: it may be lost or broken at any time and is built anew, behind what answers people.  It takes
part in no commit.  An index rules messages out; which of the others do have a text is decided on the text itself,
so the answer is exact by IMAP's substring rule.  What is not in the index yet counts as "may have it".
"""

import contextlib
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import apsw

from mailcore.domain import AccountId
from mailcore.log import log_for
from mailcore.mail.showing.searchable import Searchable

log = log_for(__name__)
VERSION = 5  # of what is indexed: raise it when the same message would be read otherwise
GRAM = 3  # characters; shorter texts are looked for in the texts themselves
_PRAGMAS = ("journal_mode=wal", "synchronous=off", "cache_size=-8000")  # a crash may cost the index, never mail
_SCHEMA = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS grams USING fts5(text, content='', contentless_delete=1, detail=none,"
    " tokenize='trigram case_sensitive 1')",
    "CREATE TABLE IF NOT EXISTS body (blob INTEGER PRIMARY KEY, fields BLOB NOT NULL, text BLOB NOT NULL)",
    f"PRAGMA user_version={VERSION}",
)
_EMPTY = ("DROP TABLE IF EXISTS grams", "DROP TABLE IF EXISTS body")


class Hits:
    """Results of an index for some texts.  Closed after use."""

    def __init__(self, connection: apsw.Connection | None = None, texts: Collection[str] = ()) -> None:
        self._connection = connection
        self._all: frozenset[int] | None = frozenset() if connection is None else None
        self._matched: dict[str, frozenset[int]] = {}
        self._asked = (0, False)  # the last blob that a row was read for, and if the index knows it
        if connection is not None:
            for wanted in texts:
                if (query := _grams(wanted)) is not None:
                    found = connection.execute("SELECT rowid FROM grams WHERE grams MATCH ?", (query,))
                    self._matched[wanted] = frozenset(row[0] for row in found)

    def has_all(self, blobs: Iterable[int]) -> bool:
        """Are all of them in the index?"""
        return self._known.issuperset(blobs)

    def possible(self, wanted: str) -> Callable[[int], bool]:
        """May a blob have the text?  The same as `may_have`, for many blobs."""
        matched, known = self._matched.get(wanted), self._known
        if matched is None:
            return lambda _: True
        return lambda blob: blob in matched or blob not in known

    @property
    def _known(self) -> frozenset[int]:
        """Read when first asked for: few matches in a large account are found without it."""
        if self._all is None:
            rows = self._connection.execute("SELECT blob FROM body") if self._connection else ()
            self._all = frozenset(row[0] for row in rows)
        return self._all

    def few(self, texts: Collection[str], most: int) -> list[int] | None:
        """The blobs that the index knows and that may have all the texts; None if they are many."""
        sets = [self._matched[text] for text in texts if text in self._matched]
        if self._connection is None or not sets or min(map(len, sets)) > most:
            return None
        return sorted(frozenset.intersection(*sets))

    def unknown(self, blobs: Iterable[int]) -> list[int]:
        """Return the blobs that the index does not know."""
        if self._connection is None:
            return list(blobs)
        return [blob for blob in blobs if not self._knows(blob)]

    def _knows(self, blob: int) -> bool:
        """Return True if the index knows this blob: reads a single row instead of all that there are."""
        if self._all is not None or self._connection is None:
            return blob in self._known
        if blob != self._asked[0]:  # hundreds of tests may ask for one message
            row = self._connection.execute("SELECT 1 FROM body WHERE blob=?", (blob,)).fetchone()
            self._asked = (blob, row is not None)
        return self._asked[1]

    def may_have(self, wanted: str, blob: int) -> bool:
        """Return False only if header and body of the blob are without the text for sure."""
        matched = self._matched.get(wanted)
        return matched is None or blob in matched or not self._knows(blob)

    def find_text(self, blob: int) -> Searchable | None:
        """Return the message's searchable text, if the index knows it."""
        if self._connection is None:
            return None
        row = self._connection.execute("SELECT fields, text FROM body WHERE blob=?", (blob,)).fetchone()
        return Searchable(_unpacked(row[0]), _unpacked(row[1])) if row else None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._all = frozenset()


def _grams(wanted: str) -> str | None:
    """The FTS5 query for all trigrams of a text; None for a text that has none."""
    if len(wanted) < GRAM or _for_grams(wanted) != wanted:
        return None
    grams = {wanted[at : at + GRAM] for at in range(len(wanted) - GRAM + 1)}
    return " AND ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams)[:64])


class SearchIndex:
    """The indexes of one installation, as files under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, account: AccountId) -> Path:
        return self._root / f"{account}.db"

    def hits(self, account: AccountId, texts: Collection[str]) -> Hits:
        """Search the account's index; without an index, or with a broken one, nothing is ruled out.  To be closed."""
        if texts and self.path(account).exists():
            try:
                return Hits(self._open(account), texts)
            except (apsw.Error, OSError) as problem:
                self._broken(account, problem)
        return Hits()

    def list_known(self, account: AccountId) -> set[int]:
        """The blobs in the index."""
        if not self.path(account).exists():
            return set()
        with self._writing(account) as connection:
            return {row[0] for row in connection.execute("SELECT blob FROM body")}

    def add(self, account: AccountId, texts: Iterable[tuple[int, str, Searchable]]) -> None:
        """Take in blobs: id, folded header text, and what stands behind the header."""
        with self._writing(account) as connection, connection:
            for blob, head, said in texts:
                connection.execute(
                    "INSERT OR REPLACE INTO body VALUES (?,?,?)", (blob, _packed(said.fields), _packed(said.body))
                )
                grams = _for_grams(f"{head}\n{said.fields}\n{said.body}")
                connection.execute("INSERT OR REPLACE INTO grams (rowid,text) VALUES (?,?)", (blob, grams))

    def remove(self, account: AccountId, blobs: Iterable[int]) -> None:
        with self._writing(account) as connection, connection:
            for blob in blobs:
                connection.execute("DELETE FROM body WHERE blob=?", (blob,))
                connection.execute("DELETE FROM grams WHERE rowid=?", (blob,))

    def forget(self, account: AccountId) -> None:
        """The account is erased, or its index is broken: the files go."""
        for path in self._root.glob(f"{account}.db*"):
            path.unlink(missing_ok=True)

    def accounts(self) -> list[AccountId]:
        """Return the accounts that have an index."""
        return sorted(AccountId(int(path.stem)) for path in self._root.glob("*.db") if path.stem.isdigit())

    def is_whole(self, account: AccountId) -> bool:
        try:
            with contextlib.closing(self._open(account)) as connection:
                connection.execute("INSERT INTO grams(grams) VALUES ('integrity-check')")
                return connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        except apsw.Error:
            return False

    @contextlib.contextmanager
    def _writing(self, account: AccountId) -> Iterator[apsw.Connection]:
        """A connection; a broken index is removed, and what was to be done with it is left to the next time."""
        try:
            with contextlib.closing(self._open(account)) as connection:
                yield connection
        except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError) as problem:
            self._broken(account, problem)
            raise

    def _open(self, account: AccountId) -> apsw.Connection:
        self._root.mkdir(parents=True, exist_ok=True)
        connection = apsw.Connection(str(self.path(account)))
        try:
            connection.set_busy_timeout(10_000)
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            if not _is_current(connection):
                connection.execute("BEGIN IMMEDIATE")  # of two that find it old one empties it
                for statement in () if _is_current(connection) else (*_EMPTY, *_SCHEMA):
                    connection.execute(statement)
                connection.execute("COMMIT")
        except apsw.Error:
            connection.close()
            raise
        return connection

    def _broken(self, account: AccountId, problem: Exception) -> None:
        try:
            self.forget(account)
        except OSError as obstacle:
            # a confined process has no right to a folder that was made anew (cli/confinement.py)
            log.warning("the search index of account %d cannot be used: %s; %s", account, problem, obstacle.strerror)
        else:
            log.warning("the search index of account %d is built anew: %s", account, problem)


def _is_current(connection: apsw.Connection) -> bool:
    return connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def _unpacked(octets: bytes) -> str:
    return zlib.decompress(octets).decode("utf-8", "surrogatepass")


def _for_grams(text: str) -> str:
    """Replace characters that SQL cannot take; trigrams with such characters are never asked for."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()
