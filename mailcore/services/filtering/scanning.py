"""Content filters: a spam filter by rspamd's HTTP interface, others and virus scanners by milter; all are settings.

The octets of a message are never changed: what a filter adds goes into our own fields above it.  A filter that does
not answer lets the message through, or, with `filter.required`, makes the sender try again.
"""

import re

from mailcore.core import Core
from mailcore.domain import Envelope, Scan
from mailcore.errors import Busy
from mailcore.log import log_for
from mailcore.mail.reading import header
from mailcore.mail.reading.octets import Octets, forget
from mailcore.services.filtering import milter, rspamd
from mailcore.services.sieve_scripts import spam_scores
from mailcore.wire.milter import Added, MilterProblem

log = log_for(__name__)
_JUNK_ACTIONS = ("add header", "rewrite subject", "quarantine")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,60}\Z")
_OURS = (
    "received",
    "return-path",
    "delivered-to",
    "authentication-results",
    "from",
    "to",
    "subject",
    "date",
    "message-id",
)
MAX_FIELDS, MAX_VALUE = 20, 2000


async def scan(core: Core, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    """Ask all filters and combine their answers.

    Raises:
        Busy: one did not answer, and the settings require it.
    """
    wanted = core.config.filter
    if not wanted.rspamd and not wanted.milters:
        return Scan()
    return await core.threads.wait(_scan, core, envelope, octets, queue_id)


def _scan(core: Core, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    found = Scan()
    try:
        if core.config.filter.rspamd:
            found = _by_rspamd(core, envelope, octets, queue_id)
        for address in core.config.filter.milters:
            if found.reply:
                break
            found = _by_milter(core, found, address, envelope, octets, queue_id)
    finally:
        forget(octets)
    return found


def _silent(core: Core, who: str, problem: Exception) -> None:
    log.warning("the filter %s does not answer: %s", who, problem)
    if core.config.filter.required:
        raise Busy("a content filter does not answer") from problem


def _by_rspamd(core: Core, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    try:
        answer = rspamd.check(core.config, envelope, octets, queue_id)
    except rspamd.RspamdProblem as problem:
        _silent(core, "rspamd", problem)
        return Scan()
    reply = ""
    if answer.action == "reject" and core.config.filter.refuse:
        reply = "554 5.7.1 The message looks like spam"
    elif answer.action == "soft reject":
        reply = "451 4.7.1 Try again later"
    junk = answer.action in _JUNK_ACTIONS or (answer.action == "reject" and not reply)
    fields = f"X-Spam-Status: {'Yes' if junk else 'No'}, score={answer.score:.1f} required={answer.required:.1f}\r\n"
    fields += "X-Spam-Flag: YES\r\n" if junk else ""
    fields += "X-Virus-Status: Infected\r\n" if any("VIRUS" in symbol.upper() for symbol in answer.symbols) else ""
    return _judged(fields.encode(), junk, reply)


def _by_milter(core: Core, before: Scan, address: str, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    try:
        answer = milter.ask(core.config, address, envelope, octets, queue_id)
    except (OSError, MilterProblem, ValueError) as problem:
        _silent(core, address, problem)
        return before
    fields = before.fields + b"".join(map(_line, answer.fields[:MAX_FIELDS]))
    kept = answer.reply[:1] == "5" and not core.config.filter.refuse
    # what a filter wants to discard in silence is kept as junk: nothing that got its 250 is lost
    junk = before.junk or kept or answer.discard or bool(answer.quarantine)
    return _judged(fields, junk, "" if kept else answer.reply)


def _judged(fields: bytes, junk: bool, reply: str) -> Scan:
    """Combine the header fields of our filters into one result; many filters write them alike."""
    flags = (
        header.values(fields, "x-spam-flag") + header.values(fields, "x-spam-status") + header.values(fields, "x-spam")
    )
    junk = junk or any(value.strip().lower().startswith("yes") for value in flags)
    return Scan(spam_scores.spam_percent(fields), junk or spam_scores.virus_level(fields) >= 4, reply, fields)


def _line(field: Added) -> bytes:
    """The field as we write it: nothing in it can end it, and none speaks in the name of a field of ours."""
    if not _NAME.match(field.name) or field.name.lower() in _OURS:
        return b""
    folded = re.sub(r"[\r\n]+[ \t]*", "\r\n\t", field.value.strip()[:MAX_VALUE])
    safe = "".join(char if char in "\t\r\n" or " " <= char <= "~" else "?" for char in folded)
    return f"{field.name}: {safe}\r\n".encode("ascii")
