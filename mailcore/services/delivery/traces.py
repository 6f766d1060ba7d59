"""Delivery traces: the outcome of each message and its reasons, for its owner, for thirty days (N14).

Written in the transaction that delivers or refuses.  The record holds the author and the subject of a message and none of its
text.  A rule is named by its kind and what identifies it; the portal has the words.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from mailcore.core import Core
from mailcore.domain import AccountId, Verdict
from mailcore.errors import MailboxNotFound
from mailcore.mail.reading import address, header
from mailcore.mail.reading.fields import Header
from mailcore.services.notices import catalogue
from mailcore.store.delivery import records
from mailcore.store.delivery.records import About, Record
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import onward
from mailcore.store.forwarding.onward import Onward
from mailcore.store.people.addresses import find_address_owner

KEEP_SECONDS = 30 * 86_400
SHOWN = 200
MAX_FIELD = 500  # octets of a subject or an author
AGAIN_SECONDS = 3600  # the same refusal at the door is told once in that time
MAX_REFUSALS = 100  # for one account in that time; a flood of strangers must not fill the database
Rule = tuple[str, str]  # kind, detail


@dataclass(frozen=True, slots=True)
class Checks:
    """Results in the words of RFC 8601; all empty for what was sent by the service or one of its accounts.

    `bulk`: what it has in common with messages like it (`domain.Scan`).
    """

    spf: str = ""
    dkim: str = ""
    dmarc: str = ""
    policy: str = ""
    peer: str = ""
    domain: str = ""
    bulk: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """One message for one recipient.

    Attributes:
        outcome: filed, forwarded, rejected (by a rule), refused (by the service, before any rule), discarded.
        detail: mailboxes, or what the sender was told.
        rules: what decided, in order.
        onward: where it was sent on to, and the answers.
        places: mailbox and uid where it stands now.
    """

    id: int
    at: datetime
    sender: str
    author: str
    subject: str
    address: str
    outcome: str
    detail: str
    size: int
    checks: Checks
    rules: tuple[Rule, ...] = ()
    onward: tuple[Onward, ...] = ()
    places: tuple[tuple[str, int], ...] = ()


# Writing


def about(fields: Header, content: bytes, size: int, verdict: Verdict, peer: str) -> About:
    """A message that came in; cheap, as every delivery pays for it."""
    checks: dict[str, object] = (
        {
            "spf": verdict.spf,
            "dkim": verdict.dkim,
            "dmarc": verdict.dmarc,
            "policy": verdict.policy,
            "peer": peer,
            "domain": verdict.author,
        }
        if verdict.outside
        else {}
    )
    if checks and (bulk := next((scan.bulk for _, scan in verdict.judged), ())):
        checks["bulk"] = bulk
    return About(
        _counting(fields, "subject"),
        _counting(fields, "from"),
        _counting(fields, "message-id").decode("ascii", "replace").strip(),
        content,
        size,
        json.dumps(checks) if checks else "",
    )


def _counting(fields: Header, name: str) -> bytes:
    return b"".join(header.counting(name, fields.raw_values(name)))[:MAX_FIELD]


def rules_text(rules: Sequence[Rule]) -> str:
    return json.dumps(list(dict.fromkeys(rules)), ensure_ascii=False) if rules else ""


@lru_cache(maxsize=4096)
def rule_at(source: str, line: int) -> Rule:
    """Return the rule that stands at this line of a generated script, as its comments name it.

    Args:
        line: counts from 1.
    """
    lines = source.split("\n")[:line]
    comment = ""
    while lines:
        if lines.pop().startswith("#"):
            while lines and lines[-1].startswith("#"):  # a comment of several lines: its first
                lines.pop()
            comment = source.split("\n")[len(lines)].removeprefix("#").strip()
            break
    if found := re.match(r"Filter (\d+):\s*(.*)", comment):
        return "filter", found[2] or found[1]
    for begin, kind in (("Forwarding", "forwarding"), ("Out of office", "away"), ("A full mailbox", "full")):
        if comment.startswith(begin):
            return kind, ""
    return "settings", comment


def refused(core: Core, tx: Tx, account: AccountId, told: About, *, sender: str, recipient: str, reply: str) -> None:
    """Record that the service itself refused a message for this account; of a flood not all are saved."""
    if (
        records.count_outcome(tx, account, "refused", core.clock.seconds() - AGAIN_SECONDS, MAX_REFUSALS)
        >= MAX_REFUSALS
    ):
        return
    records.save_record(tx, account, core.clock.seconds(), sender, recipient, "refused", reply[:MAX_FIELD], told)


def refused_at(core: Core, tx: Tx, recipients: Sequence[str], *, sender: str, reply: str) -> None:
    """Record a refusal at RCPT, when nothing is known of the message yet; a server that repeats it is recorded once."""
    for recipient in recipients:
        localpart, _, domain = recipient.lower().rpartition("@")
        account = find_address_owner(tx, localpart.partition("+")[0], domain)
        if account is None:
            continue
        last = records.find_last_record(tx, account)
        same = last is not None and (last.sender, last.outcome, last.detail) == (sender, "refused", reply)
        if same and last is not None and core.clock.seconds() - last.at.timestamp() < AGAIN_SECONDS:
            continue
        refused(core, tx, account, About(), sender=sender, recipient=recipient, reply=reply)


def forget(core: Core) -> int:
    """The job: records older than thirty days go, and what is known of forwarded messages that left no copy."""
    before = core.clock.seconds() - KEEP_SECONDS

    def write(tx: Tx) -> int:
        onward.delete_old(tx, before)
        return records.delete_records(tx, before)

    return core.db.write(write)


# Reading


def search(core: Core, account: AccountId, words: str) -> list[Trace]:
    """Search the traces of the last thirty days, newest first: sender, author or subject must hold all the words."""
    wanted = words.lower().split()

    def read(tx: Tx) -> list[Trace]:
        found = []
        for one in records.list_records(tx, account, core.clock.seconds() - KEEP_SECONDS):
            trace = _trace(one)
            text = f"{trace.sender} {trace.author} {trace.subject}".lower()
            if all(word in text for word in wanted):
                found.append(trace)
                if len(found) >= SHOWN:
                    break
        return found

    return core.db.read(read)


def get(core: Core, account: AccountId, number: int) -> Trace:
    """Everything that is known of one.  Raises MailboxNotFound."""

    def read(tx: Tx) -> Trace:
        found = records.find_record(tx, account, number)
        if found is None:
            raise MailboxNotFound(f"no record {number}")
        return _whole(core, tx, account, found)

    return core.db.read(read)


def of_message(core: Core, account: AccountId, mailbox: str, uid: int) -> Trace | None:
    """Return the trace of a message in a mailbox.  Raises MailboxNotFound.

    None where nothing is known: it is older, or was put there by a mail program.
    """

    def read(tx: Tx) -> Trace | None:
        box = core.mail.mailbox(tx, account, mailbox)
        content = core.mail.content(tx, box.id, uid)
        if content is None:
            raise MailboxNotFound(f"message {uid} of {mailbox}")
        found = records.find_record_of_content(tx, account, content)
        return _whole(core, tx, account, found) if found else None

    return core.db.read(read)


def _trace(one: Record) -> Trace:
    author = address.display_name(one.about.author)
    spec = next(iter(address.addr_specs(one.about.author)), "")
    shown = f"{author} <{spec}>" if author and spec and author != spec else author or spec
    checks = Checks(**json.loads(one.about.checks)) if one.about.checks else Checks()
    rules = tuple(map(_rule, json.loads(one.rules))) if one.rules else ()
    return Trace(
        one.id,
        one.at,
        one.sender,
        shown,
        " ".join(header.decode(one.about.subject).split()),
        one.address,
        one.outcome,
        one.detail,
        one.about.size,
        checks,
        rules,
    )


def _rule(kept: list[str]) -> Rule:
    kind, detail = kept
    if kind == "failed" and detail.startswith("["):  # a script's problem, with its values
        return kind, catalogue.from_json(json.loads(detail))
    return kind, detail


def _whole(core: Core, tx: Tx, account: AccountId, one: Record) -> Trace:
    trace = _trace(one)
    if not one.about.content:
        return trace
    went = tuple(onward.list_of_content(tx, account, one.about.content))
    places = tuple(core.mail.places_of(tx, account, one.about.content))
    return replace(trace, onward=went, places=places)
