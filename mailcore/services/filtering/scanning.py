"""Content filters: a spam filter by rspamd's HTTP interface, others and virus scanners by milter; all are settings.

The octets of a message are never changed: what a filter adds goes into our own fields above it.  A filter that does
not answer lets the message through, or, with `filter.required`, makes the sender try again.
"""

import re
from dataclasses import replace

from mailcore.config import Config
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


def is_on(config: Config) -> bool:
    return bool(config.filter.rspamd or config.filter.milters)


def is_harmful(core: Core, envelope: Envelope, octets: bytes) -> bool:
    """Say if what did not come as mail is refused: a virus, or what a filter would refuse or put aside; blocking.

    What rspamd calls spam is none: nobody can say so of a file.

    Raises:
        Busy: a filter asks to try again, or does not answer, and the settings require it.
    """
    scans = [_scan_by_milter(core, Scan(), one, envelope, octets, "upload") for one in core.config.filter.milters]
    if core.config.filter.rspamd:
        scans.append(replace(_scan_by_rspamd(core, envelope, octets, "upload"), junk=False))
    for scan in scans:
        if scan.junk or scan.reply[:1] == "5" or spam_scores.read_virus_level(scan.fields) >= 4:
            return True
        if scan.reply:
            raise Busy("a content filter asks to try again")
    return False


async def scan_message(core: Core, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    """Ask all filters and combine their answers.

    Raises:
        Busy: one did not answer, and the settings require it.
    """
    if not is_on(core.config):
        return Scan()
    return await core.threads.run_waiting(_run_filters, core, envelope, octets, queue_id)


def _run_filters(core: Core, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    result = Scan()
    try:
        if core.config.filter.rspamd:
            result = _scan_by_rspamd(core, envelope, octets, queue_id)
        for address in core.config.filter.milters:
            if result.reply:
                break
            result = _scan_by_milter(core, result, address, envelope, octets, queue_id)
    finally:
        forget(octets)
    return result


def _report_silent(core: Core, name: str, problem: Exception) -> None:
    log.warning("the filter %s does not answer: %s", name, problem)
    if core.config.filter.required:
        raise Busy("a content filter does not answer") from problem


def _scan_by_rspamd(core: Core, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    try:
        answer = rspamd.check_message(core.config, envelope, octets, queue_id)
    except rspamd.RspamdProblem as problem:
        _report_silent(core, "rspamd", problem)
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
    return _combine_fields(fields.encode(), junk, reply)


def _scan_by_milter(core: Core, before: Scan, address: str, envelope: Envelope, octets: Octets, queue_id: str) -> Scan:
    try:
        answer = milter.ask_filter(core.config, address, envelope, octets, queue_id)
    except (OSError, MilterProblem, ValueError) as problem:
        _report_silent(core, address, problem)
        return before
    fields = before.fields + b"".join(map(_format_field, answer.fields[:MAX_FIELDS]))
    downgraded = answer.reply[:1] == "5" and not core.config.filter.refuse
    # a message that a filter wants to discard in silence is filed as junk: nothing that got its 250 is lost
    junk = before.junk or downgraded or answer.discard or bool(answer.quarantine)
    return _combine_fields(fields, junk, "" if downgraded else answer.reply)


def _combine_fields(fields: bytes, junk: bool, reply: str) -> Scan:
    """Combine the header fields of filters into one result; many filters write them alike."""
    flags = (
        header.values(fields, "x-spam-flag") + header.values(fields, "x-spam-status") + header.values(fields, "x-spam")
    )
    junk = junk or any(value.strip().lower().startswith("yes") for value in flags)
    return Scan(spam_scores.read_spam_percent(fields), junk or spam_scores.read_virus_level(fields) >= 4, reply, fields)


def _format_field(field: Added) -> bytes:
    """Format a field safely: nothing in it can end it, and it replaces no field of ours; b"" if its name is refused."""
    if not _NAME.match(field.name) or field.name.lower() in _OURS:
        return b""
    folded = re.sub(r"[\r\n]+[ \t]*", "\r\n\t", field.value.strip()[:MAX_VALUE])
    safe = "".join(char if char in "\t\r\n" or " " <= char <= "~" else "?" for char in folded)
    return f"{field.name}: {safe}\r\n".encode("ascii")
