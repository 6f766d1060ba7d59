"""The zoo through IMAP: everything of every animal is fetched, and all of them are searched, sorted and threaded."""

import imaplib
import re
import ssl
from collections.abc import Iterator

import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.services.accounts import accounts
from tests.imap_server import imap_server
from tests.mail.zoo.animals import Animal, all_animals
from tests.mail.zoo.keeper import Door
from tests.portal.mailing import put

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"
ITEMS = (
    "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE EMAILID THREADID PREVIEW BODY.PEEK[] BODY.PEEK[HEADER]"
    " BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (SUBJECT FROM TO DATE X-NONE)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)] BODY.PEEK[1]"
    " BODY.PEEK[1.MIME] BODY.PEEK[2] BODY.PEEK[2.MIME] BODY.PEEK[1.1] BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[]<5.10>)"
)
KEYS = (
    'TEXT "words"', 'BODY "words"', 'SUBJECT "a"', 'FROM "ann"', 'TO "ola"', 'CC "bob"', 'BCC "secret"',
    'HEADER "Message-ID" "zoo"', 'HEADER "X-None" ""', "SENTSINCE 1-Jan-2026",
    "SENTBEFORE 1-Jan-2027", "SENTON 24-Nov-2026", "LARGER 500", "SMALLER 500",
    'OR TEXT "words" NOT BODY "text"', 'TEXT "\\\\"', 'FUZZY TEXT "words"',
)  # fmt: skip
SORTS = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO", "REVERSE DATE SUBJECT")
THREADS = ("REFERENCES", "ORDEREDSUBJECT")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[imaplib.IMAP4, dict[int, Animal]]]:
    """Logged in, with a mailbox of all animals by uid."""
    core = cores.build(Config(data=str(tmp_path_factory.mktemp("zoo"))))
    ola = accounts.add_account(core, "ola", password=PASSWORD)
    core.db.write(lambda tx: core.mail.create(tx, ola.id, "Zoo"))
    animals = {put(core, ola, animal.octets, "Zoo"): animal for animal in all_animals()}
    with imap_server(core, starttls=True) as (port, ca):
        imap = imaplib.IMAP4("localhost", port, timeout=60)
        imap.starttls(ssl.create_default_context(cafile=ca))
        imap.login("ola", PASSWORD)
        imap.select("Zoo", readonly=True)
        yield imap, animals
        imap.logout()
    cores.close(core)


def literal(answer: list, item: str) -> bytes | None:
    """The octets of an item."""
    for one in answer:
        if isinstance(one, tuple) and re.search(rb" %b \{\d+\}\Z" % re.escape(item.encode()), one[0]):
            return one[1]
    return None


def test_everything_of_every_animal_is_fetched_and_its_octets_are_the_same(client) -> None:
    imap, animals = client
    door = Door("imap-fetch")
    for uid, animal in animals.items():
        with door.animal(animal.id):
            status, answer = imap.uid("FETCH", str(uid), ITEMS)
            assert status == "OK", answer
            octets = animal.octets.replace(b"\0", b"\x80")  # a literal holds no NUL (RFC 9051 section 9, char8)
            head, text = literal(answer, "BODY[HEADER]") or b"", literal(answer, "BODY[TEXT]") or b""
            assert (literal(answer, "BODY[]"), head + text) == (octets, octets)
            said = b" ".join(one[0] if isinstance(one, tuple) else one for one in answer)
            assert b"RFC822.SIZE %d" % len(animal.octets) in said
    door.close()


def test_parts_of_every_animal_are_fetched_without_their_encoding(client) -> None:
    imap, animals = client
    door = Door("imap-binary")
    for uid, animal in animals.items():
        with door.animal(animal.id):
            one, two = "BINARY.SIZE[1] BINARY.PEEK[1]", "BINARY.SIZE[2] BINARY.PEEK[2]"
            status, answer = imap.uid("FETCH", str(uid), f"({one} {two})")
            if status != "OK":  # one of the two may be in an encoding of nobody
                assert b"UNKNOWN-CTE" in answer[0], answer
                status, answer = imap.uid("FETCH", str(uid), f"({one})")
                assert status == "OK" or b"UNKNOWN-CTE" in answer[0], answer
            said = b" ".join(one[0] if isinstance(one, tuple) else one for one in answer if one)
            sizes = dict(re.findall(rb"BINARY\.SIZE\[(\d)\] (\d+)", said))
            for number, size in re.findall(rb"BINARY\[(\d)\] ~?\{(\d+)\}", said):
                assert sizes[number] == size
    door.close()


def test_what_can_be_read_can_be_found(client) -> None:
    imap, animals = client
    door = Door("imap-found")
    for uid, animal in animals.items():
        for key, where in (("text", "BODY"), ("subject", "SUBJECT")):
            words = animal.right.get(key, "")
            if words:
                with door.animal(animal.id):
                    imap.literal = words.encode()
                    status, answer = imap.uid("SEARCH", "CHARSET", "UTF-8", "UID", str(uid), where)
                    assert status == "OK", answer
                    assert answer[0].split() == [str(uid).encode()], f"{where} does not find {words!r}"
    door.close()


def test_all_of_them_are_searched_sorted_and_threaded(client) -> None:
    imap, animals = client
    door = Door("imap-all")
    for key in KEYS:
        with door.animal(f"SEARCH {key}", most=3):
            assert imap.uid("SEARCH", key)[0] == "OK"
    for key in SORTS:
        with door.animal(f"SORT {key}", most=3):
            status, answer = imap.uid("SORT", f"({key})", "UTF-8", "ALL")
            assert (status, len(answer[0].split())) == ("OK", len(animals))
    for algorithm in THREADS:
        with door.animal(f"THREAD {algorithm}", most=3):
            status, answer = imap.uid("THREAD", algorithm, "UTF-8", "ALL")
            assert status == "OK"
            assert sorted(map(int, re.findall(rb"\d+", answer[0]))) == sorted(animals)
    door.close()
