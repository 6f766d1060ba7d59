"""The one place where our errors become ManageSieve answers (RFC 5804 section 1.3)."""

import logging

from mailcore import errors
from mailcore.wire.reader import SyntaxProblem

log = logging.getLogger(__name__)

CODES: dict[type[errors.MailError], tuple[str, str]] = {
    errors.ScriptNotFound: ("NONEXISTENT", "No such script"),
    errors.ScriptExists: ("ALREADYEXISTS", "There is a script of that name"),
    errors.ScriptActive: ("ACTIVE", "The active script cannot be deleted"),
    errors.OverQuota: ("QUOTA/MAXSIZE", "There is no room for the script"),
    errors.TooLarge: ("QUOTA/MAXSIZE", "The script is too large"),
    errors.TooMany: ("TRYLATER", "That was too often; wait a while"),
    errors.RoomGone: ("TRYLATER", "Try again later"),
    errors.Busy: ("TRYLATER", "Try again later"),
    errors.OctetsMissing: ("TRYLATER", "Try again later"),
    errors.TemporarilyUnavailable: ("TRYLATER", "Cannot check the password now, try again later"),
    errors.WrongPassword: ("", "Wrong user name or password"),
    errors.NotAllowed: ("", "Not allowed"),
}
TELLS = (errors.ScriptInvalid, errors.ScriptHeld, errors.InvalidName)  # their text is for the author of the script


class Refused(Exception):
    """NO with a code, decided by the command itself."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


def string(text: str) -> bytes:
    """string = quoted / literal"""
    octets = text.encode()
    if len(octets) > 1000 or any(char in text for char in "\r\n\0"):
        return b"{%d}\r\n%s" % (len(octets), octets)
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def line(word: str, text: str = "", code: str = "") -> bytes:
    told = word.encode() + (f" ({code})".encode() if code else b"")
    return told + (b" " + string(text) if text else b"") + b"\r\n"


def answer(problem: Exception) -> bytes:
    """Write the closing answer for whatever a command raised.  Never shows internals."""
    if isinstance(problem, SyntaxProblem):
        return line("NO", str(problem))
    if isinstance(problem, Refused):
        return line("NO", str(problem), problem.code)
    if isinstance(problem, TELLS):
        return line("NO", str(problem).replace("\n", "\r\n") or "That cannot be used")
    if isinstance(problem, errors.MailError):
        code, text = CODES.get(type(problem), ("", "That is not possible"))
        return line("NO", text, code)
    log.error("command failed", exc_info=problem)
    return line("NO", "Internal error", "TRYLATER")
