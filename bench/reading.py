"""Requests of IMAP clients to a mailbox of 10,000 messages (bench/corpus.py) in the account user2."""

import time
from collections.abc import Callable

from corpus import RARE, Corpus
from load import Imap, Target, logged_in, timed

MESSAGES, LOGINS, NOOPS, APPENDS, COPIED = 10_000, 300, 5000, 300, 2000
SETTLE_SECONDS = 45
FIELDS = "From To Cc Subject Date Message-ID References Content-Type"


def _filled(target: Target) -> Imap:
    """A client with the full mailbox selected."""
    client = logged_in(target, "user2")
    held = client.count("INBOX")
    if held < MESSAGES:
        corpus = Corpus()
        for number in range(held, MESSAGES):
            client.append("INBOX", corpus.message(number))
    client.command("SELECT INBOX")
    return client


def _ask(command: str, least: int = 0) -> Callable[[Target], float]:
    """Seconds of one command; its answer has at least so many octets."""

    def case(target: Target) -> float:
        client = _filled(target)
        answers: list[bytes] = []
        seconds = timed(lambda: answers.append(client.command(command)))
        if len(answers[0]) < least:
            raise RuntimeError(f"{target.name} answered {len(answers[0])} octets to {command}")
        client.close()
        return seconds

    return case


def _ask_text(command: str) -> Callable[[Target], float]:
    """The same for a text; the first time the server may make its index, for which it has a while."""
    once = _ask(command, 20)
    settled: set[str] = set()

    def case(target: Target) -> float:
        if target.name not in settled:
            settled.add(target.name)
            first, end = once(target), time.monotonic() + SETTLE_SECONDS
            while once(target) > first / 10 and time.monotonic() < end:
                time.sleep(1)
        return once(target)

    return case


def logins(target: Target) -> float:
    """Connect, LOGIN, SELECT, LOGOUT, 300 times."""

    def all_of_it() -> None:
        for _ in range(LOGINS):
            client = Imap(target.imap)
            client.command(f'LOGIN user3 "{target.password}"')
            client.command("SELECT INBOX")
            client.command("LOGOUT")
            client.close()

    return timed(all_of_it)


def noops(target: Target) -> float:
    """5,000 NOOPs one after another."""
    client = logged_in(target, "user3")
    client.command("SELECT INBOX")
    seconds = timed(lambda: [client.command("NOOP") for _ in range(NOOPS)])
    client.close()
    return seconds


def store(target: Target) -> float:
    """A flag set on 10,000 messages; it is taken away again unmeasured."""
    client = _filled(target)
    seconds = timed(lambda: client.command("STORE 1:* +FLAGS.SILENT (\\Flagged)"))
    client.command("STORE 1:* -FLAGS.SILENT (\\Flagged)")
    client.close()
    return seconds


def copy(target: Target) -> float:
    """2,000 messages copied to a new mailbox."""
    client = _filled(target)
    client.command("CREATE Copies")
    seconds = timed(lambda: client.command(f"COPY 1:{COPIED} Copies"))
    client.command("DELETE Copies")
    client.close()
    return seconds


def append(target: Target) -> float:
    """300 APPENDs, each acknowledged before the next."""
    client = logged_in(target, "user4")
    corpus = Corpus()
    mail = [corpus.message(number) for number in range(APPENDS)]

    def append_all() -> None:
        for octets in mail:
            client.append("INBOX", octets)

    seconds = timed(append_all)
    client.close()
    return seconds


CASES: dict[str, Callable[[Target], float]] = {
    "logins": logins,
    "noops": noops,
    "flags": _ask("UID FETCH 1:* (FLAGS)", 300_000),
    "envelopes": _ask("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", 2_000_000),
    "structures": _ask("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)", 3_000_000),
    "fields": _ask(f"UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS ({FIELDS})])", 2_000_000),
    "bodies": _ask("FETCH 1:2000 BODY.PEEK[]", 30_000_000),
    "search-body": _ask_text(f"SEARCH BODY {RARE}"),
    "search-text": _ask_text(f"SEARCH TEXT {RARE}"),
    "search-fields": _ask("SEARCH SUBJECT x FROM y"),
    "sort": _ask("SORT (REVERSE DATE) UTF-8 ALL", 40_000),
    "thread": _ask("THREAD REFERENCES UTF-8 ALL", 40_000),
    "store": store,
    "copy": copy,
    "append": append,
}
