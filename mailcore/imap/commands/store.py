"""STORE and UID STORE (RFC 9051 section 6.4.6), with UNCHANGEDSINCE (RFC 7162 section 3.1.3)."""

from mailcore.imap.context import Context
from mailcore.imap.named_messages import find_ranges
from mailcore.imap.responses import Tagged, flag_update, modseq_update
from mailcore.imap.sequence import NumberSet, write_set
from mailcore.mail.asking.keywords import is_keyword
from mailcore.store.mail.flags import BY_LOWER
from mailcore.wire.reader import Reader, SyntaxProblem

MAX_FLAGS = 64


def _flag(read: Reader) -> str:
    """flag = "\\\\" system name / keyword"""
    if not read.take_word(b"\\"):
        keyword = read.atom().decode("ascii", "replace")
        if not is_keyword(keyword):
            raise SyntaxProblem("that keyword cannot be kept")
        return keyword
    name = "\\" + read.atom().decode("ascii", "replace")
    if known := BY_LOWER.get(name.lower()):
        return known
    raise SyntaxProblem(f"{name} cannot be stored")


def flags_in_parentheses(read: Reader) -> frozenset[str]:
    """flag-list = "(" [flag *(SP flag)] ")" """
    read.expect(b"(", "an opening parenthesis")
    if read.take_word(b")"):
        return frozenset()
    found = _flags(read)
    read.expect(b")", "a closing parenthesis")
    return found


def _flags(read: Reader) -> frozenset[str]:
    found = {_flag(read)}
    while read.take_word(b" "):
        found.add(_flag(read))
    if len(found) > MAX_FLAGS:
        raise SyntaxProblem("too many flags")
    return frozenset(found)


async def store(context: Context, read: Reader) -> Tagged:
    """store = "STORE" SP sequence-set [SP "(UNCHANGEDSINCE" SP mod-sequence ")"] SP store-att-flags.

    One transaction, whatever the number.
    """
    read.space()
    numbers = NumberSet.parse(read)
    read.space()
    unchanged_since: int | None = None
    if read.take_word(b"(UNCHANGEDSINCE "):
        unchanged_since = read.modseq()
        read.expect(b") ", "a closing parenthesis")
        context.use_modseqs()
    how = "add" if read.take_word(b"+") else "remove" if read.take_word(b"-") else "replace"
    read.expect(b"FLAGS", "FLAGS")
    silent = read.take_word(b".SILENT")
    read.space()
    flags = flags_in_parentheses(read) if read.sees(b"(") else _flags(read)
    read.end()
    here = context.writable()
    ranges = find_ranges(context, numbers)
    if not ranges:
        return context.ok()
    style = context.response_style
    infos, failed = await context.change_flags(
        ranges, how, flags, with_infos=not silent or style.modseq, unchanged_since=unchanged_since
    )
    # what others put on these messages may be new to the client as well
    context.announce_flags(frozenset[str]().union(flags if how != "remove" else (), *(info.flags for info in infos)))
    told: list[bytes] = []
    for info in infos:
        if (seq := here.view.seq(info.uid)) is not None:
            told.append(
                modseq_update(seq, info.uid, info.modseq, style)
                if silent
                else flag_update(seq, info.uid, here.with_recent(info.uid, info.flags), info.modseq, style)
            )
    context.write_lines(told)
    if failed:
        left = failed if context.by_uid else [seq for uid in failed if (seq := here.view.seq(uid)) is not None]
        return context.ok("Some had changed", f"MODIFIED {write_set(left).decode()}")
    return context.ok()
