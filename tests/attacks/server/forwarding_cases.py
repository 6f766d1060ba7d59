"""Messages to somebody who forwards, addresses of the way back that were tampered with, and whom nobody tells of absence."""

from collections.abc import Callable
from dataclasses import dataclass

LOOPS = "RFC 5321 section 6.3"


@dataclass(frozen=True, slots=True)
class Case:
    """A message to somebody who forwards; `on` is how many copies go on."""

    name: str
    source: str
    fields: str
    right: str = "250"
    on: int = 1
    sender: str = "a@outside.example"

    def __str__(self) -> str:
        return self.name


CASES = [
    Case("a usual one", LOOPS, ""),
    Case("it was here already", LOOPS, "Delivered-To: per@alumni.example\r\n", on=0),
    Case("it was here already, in capitals", LOOPS, "DELIVERED-TO: PER@ALUMNI.EXAMPLE\r\n", on=0),
    Case("it was here already, folded", LOOPS, "Delivered-To:\r\n per@alumni.example\r\n", on=0),
    Case("it was here, says somebody else's name", LOOPS, "Delivered-To: kari@alumni.example\r\n"),
    Case("fifty hops", LOOPS, "Received: from x by y; now\r\n" * 51, "554", 0),
    Case("forty hops", LOOPS, "Received: from x by y; now\r\n" * 40),
    Case("the null sender", "RFC 5321 section 4.5.5", "", sender=""),
    Case("our own author", "RFC 7489 section 6.6.2", "From: kari@alumni.example\r\n", "250|550", 0),
    Case("two authors", "RFC 7489 section 6.6.1", "From: a@outside.example\r\nFrom: kari@alumni.example\r\n", "550", 0),
    Case("an address of the way back as its author", "CWE-290", f"From: srs0={'a' * 32}@srs.alumni.example\r\n", "250|550", 0),
    Case("Resent to somebody else", "RFC 5322 section 3.6.6", "Resent-To: evil@elsewhere.example\r\nResent-Bcc: evil@elsewhere.example\r\n"),
    Case("Bcc", "RFC 5322 section 3.6.3", "Bcc: evil@elsewhere.example\r\n"),
    Case("a return path in its fields", "RFC 5321 section 4.4", "Return-Path: <evil@elsewhere.example>\r\n"),
    Case("our results in its fields", "RFC 8601 section 5", "Authentication-Results: mx.alumni.example; dmarc=pass\r\n"),
    Case("an ARC chain of fifty", "RFC 8617 section 5.1.1.1", "".join(f"ARC-Seal: i={n}; cv=pass; d=x.example; s=k; b=x\r\n" for n in range(1, 51))),
    Case("an ARC chain that failed", "RFC 8617 section 5.1.2", "ARC-Seal: i=1; cv=fail; d=x.example; s=k; b=x\r\n"),
    Case("a receipt is asked for", "RFC 8098 section 2.1", "Disposition-Notification-To: evil@elsewhere.example\r\n"),
    Case("an errors-to", "RFC 2076 section 3.5", "Errors-To: evil@elsewhere.example\r\n"),
    Case("a quoted sender", "RFC 5321 section 4.1.2", "", sender='"a b>"@outside.example'),
    Case("a sender with a percent sign", "RFC 5321 appendix C", "", sender="a%evil.example@outside.example"),
    Case("a sender that looks like ours", "CWE-290", "", sender=f"srs0={'b' * 32}@srs.outside.example"),
    Case("a sender that SRS has wrapped", "CWE-290", "", sender="SRS0=HHH=TT=evil.example=x@outside.example"),
    Case("a sender of 240 octets", "RFC 5321 section 4.5.3.1.3", "", sender=f"{'a' * 200}@{'b' * 25}.outside.example"),
]  # fmt: skip


# What is made of an address of the way back that we gave out; `right` is the reply to RCPT
TAMPERED: list[tuple[str, Callable[[str], str], str, str]] = [
    ("as it is", lambda local: local, "", "250"),
    ("in capitals", str.upper, "", "250"),
    ("one letter is another", lambda local: local[:-1] + ("a" if local[-1] != "a" else "b"), "", "550"),
    ("one letter less", lambda local: local[:-1], "", "550"),
    ("one letter more", lambda local: local + "a", "", "550"),
    ("two are exchanged", lambda local: local[:5] + local[6] + local[5] + local[7:], "", "550"),
    ("the token of nobody", lambda local: "srs0=" + "a" * 32, "", "550"),
    ("no token", lambda local: "srs0=", "", "550"),
    ("SRS1", lambda local: local.replace("srs0", "srs1"), "", "550"),
    ("the old kind", lambda local: "SRS0=HHH=TT=elsewhere.example=evil", "", "550"),
    ("a detail behind it", lambda local: local + "+x", "", "550"),
    ("SQL", lambda local: "srs0='or'1'='1", "", "550"),
    ("a letter of another script", lambda local: local[:-1] + "а", "", "550|553|501"),
    ("quoted", lambda local: f'"{local}"', "", "250|550"),
    ("mail of a person", lambda local: local, "a@outside.example", "250|550"),
]  # fmt: skip


VACATION = 'require "vacation"; vacation :days 1 :addresses "siv@alumni.example" "I am away";'
QUIET = [
    ("the null sender", "RFC 3834 section 2", "", ""),
    ("a robot", "RFC 3834 section 2", "Auto-Submitted: auto-replied\r\n", "quiet1@outside.example"),
    ("a list", "RFC 3834 section 2", "List-Id: <x.outside.example>\r\n", "quiet2@outside.example"),
    ("bulk", "RFC 3834 section 2", "Precedence: bulk\r\n", "quiet3@outside.example"),
    ("a daemon", "RFC 5230 section 4.6", "", "MAILER-DAEMON@outside.example"),
    ("an owner of a list", "RFC 5230 section 4.6", "", "owner-x@outside.example"),
    ("a request address", "RFC 5230 section 4.6", "", "x-request@outside.example"),
    ("not to me", "RFC 5230 section 4.5", "", "quiet4@outside.example"),
    ("a report", "RFC 3834 section 2", "Content-Type: multipart/report; boundary=b\r\n", ""),
    ("our own way back", "RFC 3834 section 2", "", f"srs0={'a' * 32}@srs.alumni.example"),
]
