"""Base subjects and threads (RFC 5256)."""

import pytest

from mailcore.mail.asking.ids import thread_id, thread_key
from mailcore.mail.asking.ordering import Letter, base_subject, by_references, by_subject, written
from mailcore.mail.asking.summary import summarise
from mailcore.mail.reading.fields import Header


@pytest.mark.parametrize(("subject", "base", "is_answer"), [
    ("hello", "hello", False), ("Re: hello", "hello", True), ("RE:  re: Fwd: hello", "hello", True),
    ("hello (fwd)", "hello", True),
    ("[list] hello", "hello", False), ("[list] Re: [list] hello", "hello", True), ("Re[2]: hello", "hello", True),
    ("Re [2]: hello", "hello", True), ("[fwd: hello]", "hello", True), ("[only]", "[only]", False),
    ("", "", False), ("Re:", "", True),
    ("  a \t b  ", "a b", False), ("regarding: x", "regarding: x", False),
])  # fmt: skip
def test_base_subjects(subject, base, is_answer):
    assert base_subject(subject) == (base, is_answer)


def letters(*rows: tuple[int, str, str, str]) -> list[Letter]:
    """Number (the order of dates, too), id, references, subject."""
    found = []
    for number, identity, references, subject in rows:
        ids = "".join(f"<{one}@x> " for one in references.split())
        block = f"Message-ID: <{identity}@x>\r\nReferences: {ids}\r\nSubject: {subject}\r\n\r\n".encode()
        read = summarise(Header(block))
        found.append(
            Letter(number, 1000 + number, read.base, read.is_answer, read.message_id, tuple(read.references.split()))
        )
    return found


@pytest.mark.parametrize(("rows", "threads"), [
    ([], b""),
    ([(1, "a", "", "x")], b"(1)"),
    ([(1, "a", "", "x"), (2, "b", "a", "Re: x"), (3, "c", "a b", "Re: x")], b"(1 2 3)"),
    ([(1, "a", "", "x"), (2, "b", "a", "Re: x"), (3, "c", "a", "Re: x"), (4, "d", "a c", "Re: x")], b"(1 (2)(3 4))"),
    ([(1, "b", "gone", "x"), (2, "c", "gone", "y")], b"((1)(2))"),  # a parent that is not here
    ([(1, "b", "gone", "x")], b"(1)"),
    ([(1, "a", "", "x"), (2, "b", "", "Re: x")], b"(1 2)"),  # joined by the subject
    ([(1, "a", "", "x"), (2, "b", "", "x")], b"((1)(2))"),
    ([(1, "a", "", ""), (2, "b", "", "")], b"(1)(2)"),
    ([(1, "a", "b", "x"), (2, "b", "a", "y")], b"(2 1)"),  # a loop is cut
    ([(1, "a", "", "x"), (2, "a", "", "y")], b"(1)(2)"),  # one id twice
    ([(2, "b", "a", "Re: x"), (1, "a", "", "x")], b"(1 2)"),  # the answer came first
])  # fmt: skip
def test_threads_by_references(rows, threads):
    assert written(by_references(letters(*rows))) == threads


def test_threads_by_subject():
    rows = letters((1, "a", "", "x"), (2, "b", "", "y"), (3, "c", "", "Re: x"), (4, "d", "", "Fwd: x"))
    assert written(by_subject(rows)) == b"(1 (3)(4))(2)"


@pytest.mark.slow
def test_a_thread_of_ten_thousand_answers_is_no_deeper_than_any():
    rows = [Letter(n, n, f"s{n}", False, f"i{n}", (f"i{n - 1}",) if n > 1 else ()) for n in range(1, 10_001)]
    assert written(by_references(rows)) == b"(" + b" ".join(b"%d" % n for n in range(1, 10_001)) + b")"


@pytest.mark.parametrize("block", [b"Subject: x\r\n\r\n", b"Date: nonsense\r\n\r\n"])
def test_without_a_date_there_is_none(block):
    assert summarise(Header(block)).sent_at is None


def test_the_date_is_in_seconds():
    assert summarise(Header(b"Date: Thu, 1 Jan 1970 00:01:00 +0000\r\n\r\n")).sent_at == 60


@pytest.mark.parametrize(("written_id", "key"), [
    ("a@example.org", "a@example.org"), ('"a"@example.org', "a@example.org"), (r'"a\"b"@example.org', 'a"b@example.org'),
    ('"a@b"@example.org', "a@b@example.org"), ("a@[192.0.2.1]", "a@[192.0.2.1]"), ("A@example.org", "A@example.org"),
    ("yes", ""), ("", ""), ("@example.org", ""), ("a@", ""), ('""@example.org', ""), ('"', ""), ('"@x', '"@x'),
])  # fmt: skip
def test_message_ids_are_compared_without_quotes_and_only_if_they_are_some(written_id, key):
    assert thread_key(written_id) == key


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        (
            (
                "Message-ID: <a@x>",
                "In-Reply-To: <yes>\r\nMessage-ID: <a@x>",
                'References: <yes> <"a"@x>\r\nMessage-ID: <c@x>',
            ),
            True,
        ),
        (("In-Reply-To: <yes>\r\nMessage-ID: <a@x>", "In-Reply-To: <yes>\r\nMessage-ID: <b@x>"), False),
    ],
)
def test_a_word_that_is_no_message_id_names_no_thread(fields, same):
    assert (len({thread_id(field.encode() + b"\r\n\r\n") for field in fields}) == 1) is same
